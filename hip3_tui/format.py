"""How a number becomes text: prices, sizes, money, times, bars. Pure, and nothing but display.

Never rounds what is sent, only what is shown; a value that is not known is shown as a dash, never as zero. Times are Unix ms, shown in UTC.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.cells import cell_len, set_cell_size

UNKNOWN = "-"
_PRICE_DIGITS = 7
"""The exchange takes 5 significant figures; an average entry price has more, and two of them still tell something."""

_LEVELS = "▁▂▃▄▅▆▇█"
_BLANKS = "\u00a0\u3000"
"""Blanks that Python does not count as printable: no-break, and as wide as two cells."""


# --- numbers ---------------------------------------------------------------------------------------------------------


def price(px: Decimal | None, at_least: int = 0) -> str:
    """At most 7 significant digits, thousands apart: ``65,123.5``, ``0.0123456``; with ``at_least`` so many decimals."""
    return UNKNOWN if px is None else f"{px:,.{max(at_least, decimals(px))}f}"


def decimals(px: Decimal | None) -> int:
    """How many decimals `price` shows, so that prices side by side can be given the same."""
    if px is None:
        return 0
    exponent = px.as_tuple().exponent
    assert isinstance(exponent, int), f"a price is a finite number, not {px}"
    return max(0, min(-exponent, _PRICE_DIGITS - 1 - px.adjusted()))


def size(amount: Decimal | None) -> str:
    """All digits that matter, no exponent, no trailing zeros."""
    if amount is None:
        return UNKNOWN
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(amount: Decimal | None) -> str:
    if amount is None:
        return UNKNOWN
    cents = round(amount, 2)
    return f"-${-cents:,.2f}" if cents < 0 else f"${abs(cents):,.2f}"


def signed_usd(amount: Decimal | None) -> str:
    """With its sign, so that gain and loss differ without colour: ``+$0.12``, ``-$1.30``, ``$0.00``."""
    if amount is None:
        return UNKNOWN
    return f"+{usd(amount)}" if round(amount, 2) > 0 else usd(amount)


def bps(value: Decimal | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}"


def signed_bps(value: Decimal | None) -> str:
    return UNKNOWN if value is None else f"{value:+z.1f}"


def count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def counter(value: Decimal, unit: str) -> str:
    """A risk counter in its own unit."""
    return usd(value) if unit == "USD" else size(value)


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --- times -----------------------------------------------------------------------------------------------------------


def age(ms: int | None) -> str:
    """How long: ``0.3s``, ``42s``, ``12m03s``, ``3h07m``, ``2d04h``."""
    if ms is None:
        return UNKNOWN
    tenths = max(0, ms) // 100
    if tenths < 100:
        return f"{tenths / 10:.1f}s"
    seconds = tenths // 10
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02}h"


def countdown(ms: int) -> str:
    """Seconds that are left, to the tenth: ``23.4s``. Zero once the time has come."""
    return f"{max(0, ms) / 1000:.1f}s"


def latency(ms: int | None) -> str:
    if ms is None:
        return UNKNOWN
    return f"{ms}ms" if ms < 10_000 else f"{ms / 1000:.0f}s"


def clock_time(at_ms: int) -> str:
    """Time of day in UTC, ``HH:MM:SS``."""
    seconds = at_ms // 1000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def date(at_ms: int) -> str:
    """Day in UTC, ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d")


def date_time(at_ms: int) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in UTC."""
    return f"{date(at_ms)} {clock_time(at_ms)}"


def file_stamp(at_ms: int) -> str:
    """For names of files: ``20251123-040304``, UTC."""
    return f"{date(at_ms)}-{clock_time(at_ms)}".replace(":", "").replace("-", "", 2)


# --- pictures --------------------------------------------------------------------------------------------------------


def bar(share: float, width: int) -> tuple[str, str]:
    """A heavy line on a light one, in half cells: its filled part and the rest, together exactly ``width`` cells.

    Anything above zero shows at least a half, and only a full share fills it.
    """
    halves = round(min(1.0, max(0.0, share)) * width * 2)
    if share > 0:
        halves = max(1, halves)
    if share < 1:
        halves = min(halves, width * 2 - 1)
    whole, half = divmod(max(0, halves), 2)
    filled = "━" * whole + ("╸" if half else "")
    return filled, "─" * (width - len(filled))


def sparkline(values: Sequence[int | Decimal], width: int, *, top: float | None = None) -> str:
    """The last ``width`` values as columns, from the smallest (or 0 with ``top``) to the largest (or ``top``)."""
    shown = [float(v) for v in values[-width:]] if width > 0 else []
    if not shown:
        return ""
    low, high = (0.0, top) if top is not None else (min(shown), max(shown))
    span = high - low
    if span <= 0:
        return _LEVELS[0] * len(shown)
    return "".join(_LEVELS[min(7, max(0, int((v - low) / span * 7.999)))] for v in shown)


# --- text ------------------------------------------------------------------------------------------------------------


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly ``width`` cells; what does not fit ends in ``…``, so that a cut is seen."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    blank = " " * (width - length)
    return blank + text if right else text + blank


def harmless(text: str) -> str:
    """With nothing in it that a terminal would obey or that has no width: some words are the exchange's."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _BLANKS else "·" for c in text)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells, broken between words; a word that is too long is broken inside."""
    if width <= 0:
        return []
    lines: list[str] = []
    line = ""
    for word in text.split():
        while cell_len(word) > width:
            room = width - (cell_len(line) + 1 if line else 0)
            if room <= 0:
                lines.append(line)
                line = ""
                continue
            head = _cells(word, room)
            lines.append(f"{line} {head}" if line else head)
            line, word = "", word[len(head) :]
        if not line:
            line = word
        elif word and cell_len(line) + 1 + cell_len(word) <= width:
            line = f"{line} {word}"
        elif word:
            lines.append(line)
            line = word
    if line:
        lines.append(line)
    return lines


def _cells(text: str, width: int) -> str:
    """The longest start of a text that fits; at least one character, so that a loop over it ends."""
    end = 1
    while end < len(text) and cell_len(text[: end + 1]) <= width:
        end += 1
    return text[:end]


def short_address(address: str) -> str:
    return address if len(address) <= 13 else f"{address[:6]}…{address[-4:]}"
