"""The program without a screen: the same engine and life cycle, told in lines on stdout and in the log, and summed up in a file at the end.

Decides nothing: it says the operator's word if it was given, waits, and ends in order when its time is over or a signal comes. Easy to get
wrong: the summary is written after the engine has ended, from its last snapshot, so that "flat" in it is what the exchange confirmed.

SPEC 9; plan 3.5, 3.6 (start-up lines, what the runbook looks for).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from core.messages.exit_codes import ExitCode
from core.messages.preflight import Go
from core.messages.snapshot import Snapshot
from core.runtime.assembly import Program
from core.runtime.preflight_program import lines_of
from core.runtime.runbook_lines import INFO, WARN, RunbookLines, Said

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1


def run_headless(
    program: Program,
    *,
    who: str,
    word: str = "",
    cancel_foreign: bool = False,
    close_found: bool = False,
    for_s: float | None = None,
    summary: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> NoReturn:
    """Run until the time is over, a signal comes or the engine ends; never returns.

    Args:
        program: Assembled; its engine waits for the preflight's answer where there is one.
        who: For the audit trail.
        word: The operator's, given on the command line.
        cancel_foreign: Cancel the orders that are found open.
        close_found: Close the positions that are found open.
        for_s: From now; None: until something ends it.
        summary: File for the JSON of the end.
        say: Takes each line; default stdout.
    """
    headless = _Headless(program, say or _to_stdout)
    program.first_frame.set()  # there is none
    if summary is not None:
        program.lifecycle.before_leaving(lambda: write_summary(program, summary))
    for line in program.start_lines:
        headless.tell((INFO, line))
    deadline = None if for_s is None else time.monotonic() + for_s
    answer = Go(who=who, word=word, cancel_foreign=cancel_foreign, close_found=close_found)
    if program.preflight is None or headless.begin(answer, deadline):
        headless.follow(deadline)
    program.engine.wait_done(None)
    headless.look()
    program.lifecycle.finish(0)


def answer_preflight(program: Program, answer: Go, within_s: float = 30.0) -> str:
    """For a command that asks for the word itself and has no screen. Returns why trading does not begin; empty when it does.

    Whoever gets a reason ends the program: its engine waits for ever.
    """
    desk = program.preflight
    if desk is None:
        return ""
    deadline = time.monotonic() + within_s
    while desk.report is None:
        if program.engine.wait_done(_LOOK_EVERY_S):
            return "the program was stopped"
        if time.monotonic() >= deadline:
            return f"preflight has not read everything within {within_s:g} s"
    return desk.go(answer)


class _Headless:
    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self._program = program
        self._say = say
        self._lines = RunbookLines()

    def tell(self, said: Said) -> None:
        level, text = said
        _log.log(logging.WARNING if level == WARN else logging.INFO, "%s", text)
        self._say(f"[{level}] {text}")

    def begin(self, answer: Go, deadline: float | None) -> bool:
        """Answer the preflight. False: it was refused, or the end came first."""
        desk, engine = self._program.preflight, self._program.engine
        assert desk is not None
        while desk.report is None:
            if engine.wait_done(_LOOK_EVERY_S) or self._is_over(deadline):
                return False
        for line in lines_of(desk.report):
            if line:
                self.tell((INFO, line))
        refusal = desk.go(answer)
        if refusal:
            if desk.report is not None and desk.report.may_begin:
                refusal += "; without a screen it is given as --yes-real-money"
            self.tell((WARN, f"not begun: {refusal}"))
            self._program.lifecycle.begin_exit(ExitCode.REFUSED, "preflight")
            return False
        return True

    def follow(self, deadline: float | None) -> None:
        while not self._program.engine.wait_done(_LOOK_EVERY_S):
            self.look()
            if self._is_over(deadline):
                break

    def look(self) -> None:
        latest = self._program.engine.latest
        if latest is not None:
            for said in self._lines.of(latest):
                self.tell(said)

    def _is_over(self, deadline: float | None) -> bool:
        if deadline is None or time.monotonic() < deadline:
            return False
        self._program.lifecycle.begin_exit(ExitCode.OK, "its time is over")
        return True


def write_summary(program: Program, file: Path) -> None:
    """What the run came to, as one JSON object. Replaces the file in one step."""
    ending = program.engine.ending
    data = summary_of(program.engine.latest) | {
        "flat_confirmed": ending is not None and ending.confirmed,
        "refused": ending is not None and ending.refused,
        "ended": ending.text if ending is not None else program.engine.error or "no word",
        "stop_reason": program.engine.stop_reason,
        "engine_error": program.engine.error,
        "journal": str(program.paths.journal),
    }
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(data, indent=2, default=str) + "\n", encoding="utf-8")
    part.replace(file)


def summary_of(s: Snapshot | None) -> dict[str, Any]:
    """The numbers of the last snapshot; ``traded`` False when there never was an engine."""
    if s is None:
        return {"traded": False}
    tally, pnl, checkpoint = s.tally, s.pnl, s.checkpoint
    return {
        "traded": True,
        "network": s.run.network,
        "rules": s.run.rules,
        "account": s.run.account,
        "signer": s.run.signer,
        "version": s.run.version,
        "run_id": s.run.run_id,
        "started_ms": s.run.started_ms,
        "ended_ms": s.at_ms,
        "ready_reached": any(e.kind == "ready" for e in s.audit) or bool(tally.posts_sent) or s.ready.is_ready,
        "posts_sent": tally.posts_sent,
        "posts_completed": tally.posts_completed,
        "sent_minus_completed": tally.posts_sent - tally.posts_completed,
        "inflight": s.inflight.value,
        "max_inflight": s.inflight.maximum,
        "orders_accepted": tally.orders_accepted,
        "orders_rejected": tally.orders_rejected,
        "orders_timed_out": tally.orders_timed_out,
        "send_failures": tally.send_failures,
        "market_explained_rejections": tally.market_explained_rejections,
        "signals": tally.signals,
        "entries": tally.entries,
        "fills": tally.fills,
        "flattens": tally.flattens,
        "worst_flat_time_ms": tally.worst_flat_time_ms,
        "denied": dict(tally.denied),
        "errors": tally.errors,
        "trades": pnl.trades,
        "wins": pnl.wins,
        "realized_usd": str(pnl.realized_usd),
        "fees_usd": str(pnl.fees_usd),
        "last_trades": [
            {
                "id": t.trade_id,
                "market": t.market.name,
                "side": t.side.value,
                "size": str(t.size),
                "entry": str(t.entry_price),
                "exit": str(t.exit_price),
                "exit_reason": t.exit_reason.value,
                "net_pnl_usd": str(t.net_pnl_usd),
                "flat_time_ms": t.flat_time_ms,
            }
            for t in s.trades
        ],
        "positions_open": [f"{p.market} {p.side.value} {p.size}" for p in s.positions],
        "hard_stop": s.hard_stop.reason if s.hard_stop.tripped else "",
        "checkpoint": None if checkpoint is None else {"reached": checkpoint.reached, "trades": checkpoint.trades},
        "tick_late_p99_ms": s.loop.tick_late_p99_ms,
    }


def _to_stdout(line: str) -> None:
    """A reader that has gone away ends nothing: the log has every line."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  held to the end of the process
