"""The ten checks of the verification, run with the shipped engine against the configured network, within its guards.

Entries of our own are paused; what is placed is placed by hand, at most 11 USD at a time, and the account must be flat before. Judged is what
was measured: the lives of the orders, the fills and trades that came in, and the exchange's own answers to questions that this program asks
beside the engine (`/info`, a connection of its own). Easy to get wrong: a check whose order was never filled has measured nothing of what
comes after the fill; it is NOT RUN and says why.

SPEC 9 (verification); plan 3.5.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from core.config import Config
from core.engine.rejections import Rejection, classify
from core.messages.commands import FlattenMarket, PauseEntries
from core.messages.preflight import Go
from core.messages.snapshot import Snapshot
from core.messages.ticket import OrderLifeView
from core.messages.verification import NAMES, CheckResult, Verdict
from core.model.market import MarketKey
from core.model.order import OrderStatus
from core.runtime.assembly import Program
from core.runtime.verify_desk import (
    FAR,
    FLAT_WITHIN_S,
    LOOK_S,
    ORDER_WITHIN_S,
    NoAnswer,
    VerifyDesk,
    answered_ms,
    ask_info,
    counted_against_us,
    how_it_stands,
    is_done,
    text_of,
)
from core.runtime.verify_judges import (
    TIME_STOP_MARGIN_MS,
    Judged,
    judge_inflight,
    judge_nonces,
    judge_time_stop,
    nonces_of,
)
from core.runtime.verify_load import most_in_flight, run_load

PREFLIGHT_WITHIN_S = 60.0
READY_WITHIN_S = 30.0
FILL_WITHIN_S = 10.0
EQUAL_WITHIN_S = 6.0
ANSWER_WITHIN_S = 6.0
"""A post that got no answer by then was given up by the engine as well."""
_SLIPPAGE_BPS = Decimal(50)
_CANCELLED_PAIRS = 10
_NEEDS: dict[int, tuple[int, ...]] = {3: (), 4: (3,), 5: (3, 4), 6: (3, 4), 7: (), 9: (8,)}

PASS, FAIL, NOT_RUN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_RUN


def what_is_held(config: Config, account: str) -> list[str]:
    """Positions and open orders of the account on the configured dexes, in words.

    Raises:
        NoAnswer: It cannot be read.
    """
    found = []
    for dex in config.dexes:
        state = ask_info(config.info_url, {"type": "clearinghouseState", "user": account, "dex": dex})
        found += [f"position {p['position']['coin']} {p['position']['szi']}" for p in state["assetPositions"]]
        orders = ask_info(config.info_url, {"type": "openOrders", "user": account, "dex": dex})
        found += [f"order {o['coin']} {o['sz']} @ {o['limitPx']}" for o in orders]
    return found


def begin(program: Program, who: str, word: str) -> str:
    """Answer the preflight, where there is one. Returns why it may not begin, or an empty text."""
    desk = program.preflight
    if desk is None:
        return ""
    deadline = time.monotonic() + PREFLIGHT_WITHIN_S
    while desk.report is None:
        if program.engine.wait_done(LOOK_S) or time.monotonic() >= deadline:
            return f"no preflight within {PREFLIGHT_WITHIN_S:g} s"
    return desk.go(Go(who=who, word=word))


class _Seen(Struct):
    """The fill that checks 4 to 6 are about."""

    life: OrderLifeView | None = None
    problem: str = "no order was placed"


class Verification(VerifyDesk):
    """The checks, one after another, on a running program.

    Args:
        tell: Takes each result as it comes.
    """

    def __init__(
        self,
        program: Program,
        config: Config,
        market: MarketKey,
        tell: Callable[[CheckResult], None] = lambda r: None,
        *,
        name: str = "verify",
        first_number: int = 0,
    ) -> None:
        super().__init__(program, config, market, name=name, first_number=first_number)
        self._tell = tell
        self._seen = _Seen()
        self._steps: dict[int, Callable[[], Judged]] = {
            1: self._connected,
            2: self._signature,
            3: self._ioc,
            4: self._fill,
            5: self._position,
            6: self._flatten,
            7: self._time_stop,
            8: self._nonces,
            9: self._inflight,
            10: self._failures,
        }

    def run(self, only: int | None = None) -> tuple[CheckResult, ...]:
        """All of them, or one with what it stands on."""
        self._send(PauseEntries(command_id=f"{self._name}-pause", who="verify", paused=True))
        wanted = tuple(NAMES) if only is None else tuple(sorted({1, *_NEEDS.get(only, ()), only}))
        results: list[CheckResult] = []
        is_ready = True
        for number in wanted:
            judged = self._steps[number]() if is_ready else (NOT_RUN, "the program is not ready", {})
            verdict, reason, figures = judged
            is_ready = is_ready and not (number == 1 and verdict is FAIL)
            result = CheckResult(number, NAMES[number], verdict, reason, tuple((k, str(v)) for k, v in figures.items()))
            if only is None or number == only or verdict is FAIL:
                results.append(result)
                self._tell(result)
        self._close_again()
        return tuple(results)

    # --- the checks --------------------------------------------------------------------------------------------------------

    def _connected(self) -> Judged:
        begun = time.monotonic()
        s = self._until(lambda s: s.ready.is_ready, READY_WITHIN_S)
        took_ms = int((time.monotonic() - begun) * 1000)
        if s is None:
            return FAIL, "the engine has not reported", {"took_ms": took_ms}
        figures = {
            "took_ms": took_ms,
            "market_age_ms": s.connection.market_age_ms,
            "clock_offset_ms": s.connection.clock_offset_ms,
            "connections": s.connection.epoch,
        }
        if not s.ready.is_ready:
            return FAIL, f"not ready after {READY_WITHIN_S:g} s: {'; '.join(s.ready.missing)}", figures
        return PASS, f"ready after {took_ms / 1000:.1f} s: market data, orders, fills, positions", figures

    def _signature(self) -> Judged:
        """An order that rests proves that the exchange knows the key; its own list of open orders must have it."""
        life = self._rest()
        figures = {"answered_ms": answered_ms(life), "oid": life.oid if life is not None else None}
        if life is None or not life.is_resting:
            return FAIL, f"no order came to rest: {how_it_stands(life)}", figures
        is_there = life.cloid in self._open_cloids()
        gone = self._cancel(life)
        if not is_there:
            return FAIL, f"answered, but order {life.oid} is not among the exchange's open orders", figures
        if not gone:
            return FAIL, "taken, but its cancel did not end it", figures
        return PASS, "an order rested in the exchange's own list and was cancelled again", figures

    def _ioc(self) -> Judged:
        life = self._with_answer(self._place(usd=self._usd(), slippage_bps=_SLIPPAGE_BPS))
        self._seen = _Seen(life, "")
        figures = {"answered_ms": answered_ms(life), "size": text_of(life.size if life else None)}
        if not is_done(life):
            self._seen.problem = "the outcome of the order is not known"
            return FAIL, f"no end of it is known: {how_it_stands(life)}", figures
        if life.denied or (life.status is OrderStatus.REJECTED and classify(life.reason) is not Rejection.MARKET):
            self._seen.problem = "the order was refused"
            return FAIL, how_it_stands(life), figures
        if not life.said_filled:
            self._seen.problem = f"nothing was filled: {life.reason or 'no match'}"
        took_ms = answered_ms(life)
        if took_ms is None:
            return PASS, f"{how_it_stands(life)}, as its update said; the answer itself was not seen", figures
        return PASS, f"answered after {took_ms} ms", figures

    def _with_answer(self, life: OrderLifeView | None) -> OrderLifeView | None:
        """An update may have told the end first: its answer is waited for, so that it is measured."""
        if life is None or life.denied or answered_ms(life) is not None:
            return life
        self._until(lambda s: answered_ms(self._life(life.command_id)) is not None, ANSWER_WITHIN_S)
        return self._life(life.command_id) or life

    def _fill(self) -> Judged:
        life = self._seen.life
        said = life.said_filled if life is not None else None
        if life is None or not said:
            verdict = FAIL if "nothing was filled" in self._seen.problem else NOT_RUN
            return verdict, self._seen.problem, {}

        def filled(s: Snapshot) -> Decimal:
            return sum((f.size for f in s.fills if f.cloid == life.cloid), Decimal(0))

        s = self._until(lambda s: filled(s) >= said, FILL_WITHIN_S)
        seen = filled(s) if s is not None else Decimal(0)
        after = self._life(life.command_id) or life
        figures = {
            "said": text_of(said),
            "seen": text_of(seen),
            "avg_px": text_of(after.avg_px),
            "fee_usd": after.fee_usd,
        }
        if seen != said:
            return FAIL, f"{text_of(said)} filled was said, fills of {text_of(seen)} seen", figures
        return PASS, f"{text_of(seen)} @ {text_of(after.avg_px)}", figures

    def _position(self) -> Judged:
        if self._seen.life is None or not self._seen.life.said_filled:
            return NOT_RUN, self._seen.problem, {}
        deadline = time.monotonic() + EQUAL_WITHIN_S
        ours, theirs, problem = Decimal(0), Decimal(0), ""
        while time.monotonic() < deadline and not self._engine.wait_done(0.25):
            try:
                theirs, problem = self._held_there(), ""
            except NoAnswer as e:
                problem = str(e)
                continue
            ours = self._held_here()
            if ours == theirs != 0:
                return PASS, f"both say {text_of(ours)}", {"engine": text_of(ours), "exchange": text_of(theirs)}
        figures = {"engine": text_of(ours), "exchange": text_of(theirs)}
        return FAIL, problem or f"the engine holds {text_of(ours)}, the exchange says {text_of(theirs)}", figures

    def _flatten(self) -> Judged:
        if self._seen.life is None or not self._seen.life.said_filled:
            return NOT_RUN, self._seen.problem, {}
        begun = time.monotonic()
        self._send(FlattenMarket(command_id=self._next_id(), who="verify", market=self._market))
        flat = self._until_flat(FLAT_WITHIN_S)
        took_ms = int((time.monotonic() - begun) * 1000)
        trade = next((t for t in self._snapshot.trades if t.market == self._market), None)
        figures: dict[str, object] = {"took_ms": took_ms}
        if trade is not None:
            figures |= {"exit_attempts": trade.exit_attempts, "net_usd": str(trade.net_pnl_usd)}
        if not flat:
            return FAIL, f"not flat {FLAT_WITHIN_S:g} s after the flatten: {self._exit_words()}", figures
        return PASS, f"flat by the exchange's word after {took_ms / 1000:.1f} s", figures

    def _time_stop(self) -> Judged:
        if not self._is_flat():
            return NOT_RUN, "a position is still open", {}
        trades_before = len(self._snapshot.trades)
        life = self._place(usd=self._usd(), slippage_bps=_SLIPPAGE_BPS)
        if life is None or not life.said_filled:
            return NOT_RUN, f"no position to stop: {how_it_stands(life)}", {}
        stop_ms = self._config.execution.time_stop_ms
        s = self._until(lambda s: len(s.trades) > trades_before, (stop_ms + TIME_STOP_MARGIN_MS) / 1000)
        trade = s.trades[0] if s is not None and len(s.trades) > trades_before else None
        return judge_time_stop(trade, stop_ms)

    def _nonces(self) -> Judged:
        """Each order and each cancel is an action of its own: twenty ticks with one each."""
        used: list[tuple[int, list[int]]] = []
        complaints: list[str] = []
        for _ in range(_CANCELLED_PAIRS):
            life = self._rest()
            if life is not None and life.is_resting:
                self._cancel(life)
                life = self._life(life.command_id)
            if life is None or not life.steps:
                break
            used.append((life.begun_ms, nonces_of(life.steps)))
            complaints += [
                s.text for s in life.steps if "nonce" in s.text.lower() and s.name in ("refused", "rejected")
            ]
            if not life.is_over or life.denied:
                break
        return judge_nonces([n for _, nonces in used for n in nonces], complaints)

    def _inflight(self) -> Judged:
        """The network's pictures up to the last answer, and the load that its guards keep away, in memory."""
        self._until(lambda s: not s.inflight.value, ORDER_WITHIN_S)
        limits = self._config.execution
        high, limit = limits.inflight_high_watermark, limits.inflight_limit
        return judge_inflight(self._samples, most_in_flight(self._config), run_load(limits), high, limit)

    def _failures(self) -> Judged:
        """An IOC that cannot match is refused by the market; its market is free again at once, nothing is counted against us, and the next order is
        taken. An id that was used is not sent again."""
        s = self._snapshot
        counted = counted_against_us(s)
        mark = self._mark
        if mark is None:
            return NOT_RUN, "no mark price", {}
        missed = self._place(usd=self._usd(FAR), limit_px=mark * FAR)
        figures: dict[str, object] = {"first": how_it_stands(missed)}
        if missed is None or not missed.is_over:
            return FAIL, f"an IOC without a match has no end: {how_it_stands(missed)}", figures
        if missed.status is not OrderStatus.REJECTED or classify(missed.reason) is not Rejection.MARKET:
            return FAIL, f"expected a refusal by the market, got: {how_it_stands(missed)}", figures
        sent_before = self._snapshot.tally.posts_sent
        again = self._place(usd=self._usd(FAR), limit_px=mark * FAR, number=self._last_number)
        figures["same_id"] = again.denied if again is not None else "no answer"
        if again is None or not again.denied or self._snapshot.tally.posts_sent != sent_before:
            return FAIL, "an id that was used before was sent again", figures
        retry = self._rest()
        figures["retry"] = how_it_stands(retry)
        if retry is None or not retry.is_resting:
            return FAIL, f"the retry was not taken: {how_it_stands(retry)}", figures
        self._cancel(retry)
        if counted_against_us(self._snapshot) != counted:
            return FAIL, "a refusal that the market explains was counted as a rejection", figures
        return PASS, "refused by the market, not counted, not sent twice; the next order was taken", figures
