"""The screens that a simulator cannot be asked for on the minute: hand-made snapshots, journals, drills and reports, drawn at three sizes."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "hip3_tui"), str(ROOT / "tests" / "tools")]

import snapshots_for_tests as made  # noqa: E402
from console_desk import console  # noqa: E402
from drill_for_tests import FAILED, PASSED, FakeDrill  # noqa: E402
from engine_rig import Rig  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from picture_files import write_svg  # noqa: E402
from records_for_tests import FakeRecords  # noqa: E402
from report_for_tests import a_report  # noqa: E402
from snapshots_for_tests import T0, FakeHandle  # noqa: E402
from test_checkpoint_screen import at_checkpoint  # noqa: E402
from test_preflight_screen import FAILED as REFUSED  # noqa: E402
from test_preflight_screen import REPORT, FakePreflight  # noqa: E402
from test_simulator_screen import FAULTS, FakeSimulator  # noqa: E402
from test_verification_screen import FakeVerification  # noqa: E402
from textual.app import App  # noqa: E402

from core.messages.about import AboutPart  # noqa: E402
from core.messages.drill import DrillVerdict  # noqa: E402
from core.messages.preflight import Check  # noqa: E402
from core.messages.preflight import Verdict as Passes  # noqa: E402
from core.messages.simulator import FaultInForce  # noqa: E402
from core.messages.snapshot import ConnectionPhase, ReadyView, Snapshot  # noqa: E402
from core.messages.verification import NAMES, CheckResult, Verdict  # noqa: E402
from core.runtime.drill_story import stories_in  # noqa: E402
from core.runtime.order_preview import preview_order  # noqa: E402
from hip3_tui.console import NOTHING_BESIDE, Outside  # noqa: E402
from hip3_tui.drill_app import DrillLobby, DrillVerdictApp  # noqa: E402
from hip3_tui.screens import ticket  # noqa: E402

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
ABOUT = (
    AboutPart("Made of", (("python", "3.11.7 on Linux"), ("libraries", "textual 8.2.8, rich 15.0.0, websockets 17.4"))),
    AboutPart(
        "Files",
        (("journal", "~/.local/state/hip3-tui/testnet/0x1234/journal.db"), ("key from", "the variable HIP3_KEY")),
    ),
    AboutPart(
        "Config in force", (("", 'mode = "trading"'), ("", "[execution]"), ("", "time_stop_ms = 30000  # default"))
    ),
)


class _Journal(FakeRecords):
    def report(self, day: Any = None) -> Any:
        return a_report(60, None if day is None else __import__("datetime").date(2026, 9, 22))


class _Window(NamedTuple):
    may_brake: bool = False
    note: str = ""
    name: str = "w1"


class Shot(NamedTuple):
    snapshot: Callable[[], Snapshot | None]
    keys: Sequence[str] = ()
    outside: Outside = NOTHING_BESIDE


def _link(phase: ConnectionPhase, **more: Any) -> Callable[[], Snapshot]:
    reason = more.pop("reason", "")
    epoch = more.pop("epoch", 1)
    link = made.connection(phase=phase, since_ms=T0 - 6_300, epoch=epoch, reason=reason)
    return lambda: made.snapshot(connection=link, **more)


class _Verified(FakeVerification):
    """Half way."""

    def begin(self, word: str) -> str:
        super().begin(word)
        self.results = tuple(CheckResult(n, NAMES[n], Verdict.PASS, "as it must be") for n in range(1, 7))
        return ""


CHECKED = replace(
    REPORT,
    checks=tuple(
        Check(name, value, limit, Passes.PASS)
        for name, value, limit in (
            ("market xyz:SNDK", "asset 110016", "as pinned in the config"),
            ("parameters", "as in the last run", "unchanged"),
            ("leverage", "3x isolated", "at most 5x"),
            ("fees", "4.5 bps", "at most 6 bps"),
            ("margin on xyz", "$212.40 free", "at least $100"),
            ("account", "user", "no sub-account, no vault"),
            ("signer", "agent until 2026-12-20", "approved, a day at least"),
            ("clock", "+12 ms", "within 1000 ms"),
            ("action budget", "1,234 of 10,000", "1,000 left at least"),
            ("open orders", "none", "none, or your word"),
            ("positions", "none", "none, or taken over"),
            ("second console", "none", "none on this account"),
            ("key file", "rw-------", "nobody else reads it"),
            ("journal", "whole, format 3", "whole"),
            ("disk", "41 GB free", "at least 1 GB"),
        )
    ),
)
BROKEN_OFF = DrillVerdict(PASSED.story, (), 12.0, "state/drills/8", "broken off by the operator after 12 s")

_HALF = ReadyView(False, True, False, True, ("market data of 2 markets", "fills"))
SHOTS: dict[str, Shot] = {
    "history-trades": Shot(made.snapshot, ("h",), Outside(records=_Journal())),
    "history-orders": Shot(made.snapshot, ("h", "1"), Outside(records=_Journal())),
    "history-events": Shot(made.hard_stopped, ("h", "6"), Outside(records=_Journal())),
    "history-details": Shot(made.snapshot, ("h", "down", "enter"), Outside(records=_Journal())),
    "report-figures": Shot(made.snapshot, ("w",), Outside(records=_Journal())),
    "report-verdicts": Shot(made.snapshot, ("w", "2"), Outside(records=_Journal())),
    "report-trades": Shot(made.snapshot, ("w", "3"), Outside(records=_Journal())),
    "report-plots": Shot(made.snapshot, ("w", "4"), Outside(records=_Journal())),
    "report-day": Shot(made.snapshot, ("w", "5"), Outside(records=_Journal())),
    "simulator": Shot(
        made.snapshot, ("i", "down"), Outside(simulator=FakeSimulator(force=(FaultInForce("lose_reply", 2, None),)))
    ),
    "drill": Shot(made.snapshot, (), Outside(drill=FakeDrill())),
    "drill-story": Shot(made.snapshot, ("b",), Outside(drill=FakeDrill())),
    "about": Shot(made.snapshot, ("a",), Outside(about=lambda: ABOUT)),
    "greeting": Shot(made.snapshot, (), Outside(greeted=lambda: None)),
    "help": Shot(made.snapshot, ("question_mark",), Outside(records=_Journal(), simulator=FakeSimulator())),
    "ticket": Shot(lambda: Rig().snapshot(), ("o",), Outside(preview=preview_order)),
    "ticket-typed": Shot(lambda: Rig().snapshot(), ("o", *["tab"] * 2, *"25"), Outside(preview=preview_order)),
    "verification": Shot(made.flat, ("do:verification",), Outside(verification=_Verified())),
    "verification-run": Shot(made.flat, ("do:verification", "tab", "enter"), Outside(verification=_Verified())),
    "preflight": Shot(lambda: None, (), Outside(preflight=FakePreflight(CHECKED))),
    "preflight-failed": Shot(
        lambda: None, (), Outside(preflight=FakePreflight(replace(CHECKED, checks=(*CHECKED.checks, REFUSED))))
    ),
    "checkpoint": Shot(at_checkpoint, ("n",)),
    "connecting": Shot(_link(ConnectionPhase.CONNECTING)),
    "reconnecting": Shot(_link(ConnectionPhase.RECONNECTING, epoch=3, reason="no pong for 10 s")),
    "resyncing": Shot(_link(ConnectionPhase.SYNCING, epoch=3, reason="no pong for 10 s", ready=_HALF)),
    "leaving": Shot(made.leaving),
    "window": Shot(made.snapshot, (), Outside(window=_Window())),
}
PAGES: dict[str, Callable[[], App[Any]]] = {
    "drill-lobby": lambda: DrillLobby(stories_in(ROOT / "config" / "scenarios")),
    "drill-passed": lambda: DrillVerdictApp(PASSED),
    "drill-failed": lambda: DrillVerdictApp(FAILED),
    "drill-broken-off": lambda: DrillVerdictApp(BROKEN_OFF),
}
assert len(FAULTS) > 1


def app_of(shot: Shot) -> App[Any]:
    ticket._NUMBERS = itertools.count(1)  # the ids in a ticket are counted in one program; here each picture is one
    return console(FakeHandle(shot.snapshot()), shot.outside)


async def settle(pilot: Any, keys: Sequence[str]) -> None:
    """Press the keys one by one, and wait until what threads bring has come."""
    for key in ("", *keys):
        if key.startswith("do:"):
            pilot.app.action_operate(key[3:])
        elif key:
            await pilot.press(key)
        for _ in range(100):
            await pilot.pause(0.02)
            if hasattr(pilot.app, "refresh_picture"):
                pilot.app.refresh_picture()
            if not is_waiting(pilot.app):
                break
    await pilot.pause(0.1)


def is_waiting(app: App[Any]) -> bool:
    strips = app.screen._compositor.render_strips()
    return any("reading" in "".join(segment.text for segment in strip) for strip in strips)


async def draw(folder: Path, names: Sequence[str] = (), sizes: Sequence[str] = tuple(SIZES)) -> list[Path]:
    """An SVG for each name (default: all) and size."""
    drawn = []
    for name in names or (*SHOTS, *PAGES):
        for size in sizes:
            keys = SHOTS[name].keys if name in SHOTS else ()
            app = app_of(SHOTS[name]) if name in SHOTS else PAGES[name]()
            async with app.run_test(size=SIZES[size]) as pilot:
                await settle(pilot, keys)
                path = folder / f"{name}-{size}.svg"
                write_svg(app, path)
            drawn.append(path)
    return drawn
