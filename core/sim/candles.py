"""Candles of every coin, made of its trades as they happen.

Keeps the last 5,000 minutes and the last 5,000 hours with a trade in them; longer intervals are put together from these when somebody asks.
A candle that is over is kept as a line of text, an eighth of its size as an object. Easy to get wrong: a quiet interval has a candle too,
flat at the last price, but there is none before a coin's first trade, and what is known begins when the venue began.

PROTOCOL 6.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import takewhile

from msgspec import Struct

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_MONTH = 0
"""Months differ in length."""

INTERVALS = {
    "1m": _MINUTE_MS,
    "3m": 3 * _MINUTE_MS,
    "5m": 5 * _MINUTE_MS,
    "15m": 15 * _MINUTE_MS,
    "30m": 30 * _MINUTE_MS,
    "1h": _HOUR_MS,
    "2h": 2 * _HOUR_MS,
    "4h": 4 * _HOUR_MS,
    "8h": 8 * _HOUR_MS,
    "12h": 12 * _HOUR_MS,
    "1d": _DAY_MS,
    "3d": 3 * _DAY_MS,
    "1w": 7 * _DAY_MS,
    "1M": _MONTH,
}
"""Name -> length."""

MOST_CANDLES = 5_000


class Candle(Struct):
    """One interval of one coin."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(0)
    """In units of the coin."""
    trades: int = 0

    def take(self, px: Decimal, sz: Decimal) -> None:
        self.high = max(self.high, px)
        self.low = min(self.low, px)
        self.close = px
        self.volume += sz
        self.trades += 1

    def join(self, later: Candle) -> None:
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.trades += later.trades


class _Bars:
    """The intervals of one length that had a trade, oldest first."""

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self._over: deque[bytes] = deque(maxlen=MOST_CANDLES - 1)
        self._now: Candle | None = None

    def take(self, px: Decimal, sz: Decimal, now_ms: int) -> None:
        """A trade."""
        now = self._now
        if now is None or now_ms - now.start_ms >= self.length_ms:
            if now is not None:
                self._over.append(_packed(now))
            now = self._now = Candle(now_ms - now_ms % self.length_ms, px, px, px, px)
        now.take(px, sz)

    @property
    def last(self) -> Candle:
        assert self._now is not None, "no trade yet"
        return self._now

    def __iter__(self) -> Iterator[Candle]:
        yield from map(_unpacked, self._over)
        yield self.last

    def __reversed__(self) -> Iterator[Candle]:
        yield self.last
        yield from map(_unpacked, reversed(self._over))


def _packed(c: Candle) -> bytes:
    return f"{c.start_ms} {c.open} {c.high} {c.low} {c.close} {c.volume} {c.trades}".encode()


def _unpacked(line: bytes) -> Candle:
    start_ms, *prices, volume, trades = line.decode().split()
    first, high, low, close = map(Decimal, prices)
    return Candle(int(start_ms), first, high, low, close, Decimal(volume), int(trades))


class _Tape:
    """The intervals of one coin."""

    def __init__(self) -> None:
        self.minutes = _Bars(_MINUTE_MS)
        self.hours = _Bars(_HOUR_MS)


class Candles:
    """All coins."""

    def __init__(self) -> None:
        self._tapes: dict[str, _Tape] = {}

    def add(self, coin: str, px: Decimal, sz: Decimal, now_ms: int) -> None:
        """Take a trade."""
        tape = self._tapes.get(coin)
        if tape is None:
            tape = self._tapes[coin] = _Tape()
        tape.minutes.take(px, sz, now_ms)
        tape.hours.take(px, sz, now_ms)

    def read(self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int) -> list[Candle]:
        """Candles that overlap a span of time, oldest first, the latest 5,000 at most."""
        tape = self._tapes.get(coin)
        if tape is None:
            return []
        length_ms = INTERVALS[interval]
        bars = tape.minutes if 0 < length_ms < _HOUR_MS else tape.hours
        wanted: deque[Candle] = deque(maxlen=MOST_CANDLES)
        for candle in _joined(bars, length_ms, min(end_ms, now_ms)):
            if _next_start(candle.start_ms, length_ms) > start_ms:
                wanted.append(candle)
        return list(wanted)

    def latest(self, coin: str, interval: str, now_ms: int) -> Candle | None:
        """The candle of this moment, or None before the first trade."""
        tape = self._tapes.get(coin)
        if tape is None:
            return None
        length_ms = INTERVALS[interval]
        bars = tape.minutes if 0 < length_ms < _HOUR_MS else tape.hours
        start_ms = _start(now_ms, length_ms)
        inside = list(takewhile(lambda bar: bar.start_ms >= start_ms, reversed(bars)))
        if not inside:
            px = bars.last.close
            return Candle(start_ms, px, px, px, px)
        candle = _copy(inside.pop(), start_ms)
        while inside:
            candle.join(inside.pop())
        return candle


def _joined(bars: Iterable[Candle], length_ms: int, until_ms: int) -> Iterator[Candle]:
    """Bars put together into intervals of this length, with the quiet ones in between and after them, up to a time."""
    current: Candle | None = None
    for bar in bars:
        if bar.start_ms > until_ms:
            break
        start_ms = _start(bar.start_ms, length_ms)
        if current is None:
            current = _copy(bar, start_ms)
        elif start_ms == current.start_ms:
            current.join(bar)
        else:
            yield current
            yield from _quiet(current, length_ms, start_ms)
            current = _copy(bar, start_ms)
    if current is not None:
        yield current
        yield from _quiet(current, length_ms, _start(until_ms, length_ms) + 1)


def _quiet(before: Candle, length_ms: int, until_ms: int) -> Iterator[Candle]:
    px = before.close
    at_ms = _next_start(before.start_ms, length_ms)
    while at_ms < until_ms:
        yield Candle(at_ms, px, px, px, px)
        at_ms = _next_start(at_ms, length_ms)


def _copy(bar: Candle, start_ms: int) -> Candle:
    return Candle(start_ms, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)


def _start(time_ms: int, length_ms: int) -> int:
    if length_ms != _MONTH:
        return time_ms - time_ms % length_ms
    day = datetime.fromtimestamp(time_ms // 1000, UTC)
    return _ms(day.year, day.month)


def _next_start(start_ms: int, length_ms: int) -> int:
    if length_ms != _MONTH:
        return start_ms + length_ms
    day = datetime.fromtimestamp(start_ms // 1000, UTC)
    return _ms(day.year + day.month // 12, day.month % 12 + 1)


def _ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000


def end_of(candle: Candle, interval: str) -> int:
    """The last millisecond of a candle."""
    return _next_start(candle.start_ms, INTERVALS[interval]) - 1
