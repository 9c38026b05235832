"""The screens as pictures: any change of a cell or a colour is seen. After a wanted change: pytest --snapshot-update, and look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import snapshots_for_tests as made
from snapshots_for_tests import T0, FakeHandle, FakeLifecycle
from textual.pilot import Pilot

from core.config_console import ConsoleConfig
from core.messages.snapshot import Snapshot
from hip3_tui.app import ConsoleApp

STATES: dict[str, Callable[[], Snapshot]] = {
    "trading": made.snapshot,
    "hard_stop": made.hard_stopped,
    "connecting": made.connecting,
    "mainnet": lambda: made.on_mainnet(made.snapshot()),
}


async def _settle(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    pilot.app.refresh_picture()  # type: ignore[attr-defined]
    await pilot.pause()


def _app(snapshot: Snapshot) -> ConsoleApp:
    return ConsoleApp(
        FakeHandle(snapshot),
        FakeLifecycle(),
        settings=ConsoleConfig(refresh_hz=1),
        clock=lambda: T0 + 100,
        own_gc=False,
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("state", STATES)
def test_main_screen(snap_compare: Any, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(_app(STATES[state]()), terminal_size=size, run_before=_settle)


@pytest.mark.parametrize(
    ("name", "state", "keys"),
    [("confirm", "mainnet", ("f",)), ("reset", "hard_stop", ("r",)), ("help", "trading", ("question_mark",))],
)
def test_dialog(snap_compare: Any, name: str, state: str, keys: tuple[str, ...]) -> None:
    assert snap_compare(_app(STATES[state]()), press=keys, terminal_size=(80, 24), run_before=_settle)
