"""Bell, title and desktop: what is said, to which terminal, and that nothing of it is obeyed."""

import pytest
import snapshots_for_tests as made
from msgspec.structs import replace
from snapshots_for_tests import T0

from core.messages.snapshot import Snapshot
from hip3_tui.attention import Attention, printable, title_words
from hip3_tui.panes.picture import Picture

XTERM = {"TERM": "xterm-256color"}


def title(snapshot: Snapshot | None, age_ms: int = 100, **more: object) -> str:
    return title_words(Picture(snapshot, T0 + age_ms, **more))  # type: ignore[arg-type]


def test_the_title_begins_with_what_matters() -> None:
    assert title(made.snapshot()) == "ACTIVE | AT RISK $15 | PnL -$1.23 | SIMULATOR | hip3-tui"
    assert title(made.flat(paused=True)) == "PAUSED | FLAT | PnL -$1.23 | SIMULATOR | hip3-tui"
    assert title(made.hard_stopped()).startswith("HARD STOP | AT RISK $15")
    assert title(made.connecting()).startswith("HALTED | RISK NOT KNOWN")
    assert title(made.flat(orders=(made.order(),))).startswith("ACTIVE | ORDERS OUT")
    assert title(made.snapshot(), 5_000).startswith("STALE | ")
    assert title(made.snapshot(), error="x", is_done=True) == "ENGINE DEAD | hip3-tui"
    assert title(None) == "starting | hip3-tui"
    assert title(made.flat(finished=True)) == "ended | hip3-tui"
    assert "| MAINNET |" in title(made.on_mainnet(made.flat()))
    assert "| SIMULATOR (MAINNET RULES) |" in title(made.flat(run=made.run_info(rules="mainnet")))


def test_it_is_set_when_it_changes_and_not_before() -> None:
    attention = Attention(XTERM)
    first = attention.title(Picture(made.snapshot(), T0))
    assert first.startswith("\x1b]2;ACTIVE | ")
    assert first.endswith("\x07")
    moved = replace(made.position(), upnl_usd=made.D("0.4"))
    assert attention.title(Picture(made.snapshot(positions=(moved,)), T0)) == "", "cents that flicker are not in it"
    assert attention.title(Picture(made.hard_stopped(), T0)).startswith("\x1b]2;HARD STOP")
    attention.again()
    assert attention.title(Picture(made.hard_stopped(), T0)) != ""


def test_the_title_that_was_there_is_kept_and_given_back() -> None:
    attention = Attention(XTERM)
    assert attention.begin() == "\x1b[22;0t"
    assert attention.end() == "", "nothing was changed"
    attention.title(Picture(made.snapshot(), T0))
    assert attention.end() == "\x1b[23;0t"


@pytest.mark.parametrize("environ", [{}, {"TERM": "linux"}, {"TERM": "linux-16color"}, {"TERM": "vt220"}])
def test_a_terminal_without_a_window_is_sent_nothing(environ: dict[str, str]) -> None:
    attention = Attention(environ)
    said = [attention.begin(), attention.title(Picture(made.snapshot(), T0)), attention.critical("x"), attention.end()]
    assert said == ["", "", "", ""]


def test_both_can_be_switched_off() -> None:
    attention = Attention(XTERM, title=False)
    assert attention.title(Picture(made.snapshot(), T0)) == attention.begin() == attention.end() == ""
    assert attention.critical("x") != ""
    assert Attention(XTERM, desktop=False).critical("x") == ""


def test_a_critical_word_goes_to_the_desktop_through_tmux_as_well() -> None:
    assert Attention(XTERM).critical("HARD STOP: x") == "\x1b]9;hip3-tui: HARD STOP: x\x07"
    through = Attention({"TERM": "screen-256color", "TMUX": "socket,1,0"}).critical("HARD STOP: x")
    assert through == "\x1bPtmux;\x1b\x1b]9;hip3-tui: HARD STOP: x\x07\x1b\\"


def test_nothing_in_the_words_is_obeyed() -> None:
    evil = "a\x07\x1b]2;b\x1b\\c\x9cd\n" + "e" * 500
    assert printable(evil).startswith("a  ]2;b \\c d e")
    assert len(printable(evil)) == 120
    assert Attention(XTERM).critical(evil).count("\x1b") == 1
