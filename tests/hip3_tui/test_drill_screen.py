"""A drill as the console shows it: the banner, the room, the page to choose from, the page with the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import desk
from drill_for_tests import FAILED, PASSED, STORY, FakeDrill
from msgspec.structs import replace

from core.messages.drill import DrillVerdict
from core.runtime.drill_story import stories_in
from hip3_tui.console import Outside
from hip3_tui.drill_app import AGAIN, ANOTHER, DrillLobby, DrillVerdictApp
from hip3_tui.drill_clock import drill_now
from hip3_tui.screens.drill import DrillScreen
from hip3_tui.screens.trading import TradingScreen

SIZES = [(80, 24), (120, 40), (200, 60)]
SCENARIOS = Path(__file__).parents[2] / "config" / "scenarios"


def flowing(app: DrillLobby | DrillVerdictApp) -> str:
    strips = app.screen._compositor.render_strips()
    return " ".join(" ".join("".join(segment.text for segment in strip) for strip in strips).split())


@pytest.mark.parametrize("size", SIZES)
async def test_the_main_screen_says_that_it_is_a_drill_and_how_far(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size, Outside(drill=FakeDrill())) as it:
        text = it.flowing()
        assert "DRILL stuck flatten" in text
        assert "5 of 45 s" in text
        assert "now: every order is refused" in text
        assert "next in 0.6s: the gap is closed" in text


async def test_before_ready_nothing_has_begun_and_afterwards_it_is_judged() -> None:
    drill = FakeDrill(elapsed_ms=None)
    async with desk(made.snapshot(), (120, 40), Outside(drill=drill)) as it:
        assert "begins as soon as the program is READY (45 seconds)" in it.flowing()
        drill.elapsed_ms = 45_100
        await it.see(made.snapshot(number=2))
        assert "45 of 45 s" in it.flowing()
        assert "over: the program is ended, and then judged" in it.flowing()


@pytest.mark.parametrize("size", SIZES)
async def test_the_room_has_the_story_the_time_line_and_what_it_expects(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size, Outside(drill=FakeDrill())) as it:
        await it.press("b")
        assert isinstance(it.app.screen, DrillScreen)
        text = it.flowing()
        assert "every order is refused, exits too" in text
        assert "✓ 0:05 every order is refused" in text
        assert "✓ 0:06" not in text
        await it.press("escape")
        assert isinstance(it.app.screen, TradingScreen)


async def test_the_room_follows_the_clock() -> None:
    drill = FakeDrill()
    async with desk(made.snapshot(), (120, 40), Outside(drill=drill)) as it:
        await it.press("b")
        drill.elapsed_ms = 6_000
        await it.see(made.snapshot(number=2))
        assert "✓ 0:06 the gap is closed" in it.flowing()
        assert "the hard stop trips, because of 'flatten'" in it.flowing()


async def test_where_there_is_no_drill_there_is_no_such_room() -> None:
    async with desk(made.snapshot()) as it:
        await it.press("b")
        assert isinstance(it.app.screen, TradingScreen)
        assert it.toasts == []


def test_steps_of_the_start_are_behind_us_once_it_is_ready() -> None:
    now = drill_now(FakeDrill(elapsed_ms=100))
    assert (now.now, now.next_in_ms, now.next) == ("", 1_900, "a gap opens, and a position with it")
    assert drill_now(FakeDrill(elapsed_ms=None)).next_in_ms is None
    assert drill_now(FakeDrill(elapsed_ms=44_000)).next_in_ms is None


@pytest.mark.parametrize("size", SIZES)
async def test_every_shipped_scenario_can_be_chosen_and_read(size: tuple[int, int]) -> None:
    stories = stories_in(SCENARIOS)
    app = DrillLobby(stories, str(SCENARIOS / "stuck_flatten.toml"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert "every order is refused" in flowing(app)
        await pilot.press("g")
        seen = []
        for _ in stories:
            await pilot.pause()
            seen.append(flowing(app))
            await pilot.press("down")
        for story, text in zip(stories, seen, strict=True):
            assert not isinstance(story, str)
            assert story.story[:20] in text
        await pilot.press("enter")
    assert app.return_value == stories[-1].source  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c"])
async def test_the_page_can_be_left(key: str) -> None:
    app = DrillLobby([STORY, "broken.toml: name: missing"])
    async with app.run_test() as pilot:
        await pilot.press("down")
        await pilot.pause()
        assert "broken.toml: name: missing" in flowing(app)
        await pilot.press("enter")
        assert app.is_running
        await pilot.press(key)
    assert app.return_value == ""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (PASSED, ("PASS stuck flatten", "latched: flatten of xyz:SNDK", "expected: at least 15")),
        (FAILED, ("FAIL stuck flatten", "FAIL entries 3 (expected: 1)", "---- PnL")),
        (replace(PASSED, findings=(), trouble="broken off 3 s after READY"), ("NOT JUDGED", "broken off 3 s after READY")),
    ],
    ids=["passed", "failed", "not judged"],
)  # fmt: skip
async def test_the_verdict_is_a_page(verdict: DrillVerdict, words: tuple[str, ...], size: tuple[int, int]) -> None:
    app = DrillVerdictApp(verdict)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        text = flowing(app)
        assert [w for w in words if w not in text] == []


@pytest.mark.parametrize(("key", "wanted"), [("a", AGAIN), ("n", ANOTHER), ("enter", ""), ("q", "")])
async def test_after_the_verdict_again_another_or_nothing(key: str, wanted: str) -> None:
    app = DrillVerdictApp(FAILED)
    async with app.run_test() as pilot:
        await pilot.press(key)
    assert app.return_value == wanted
