"""The verification on the screen: the newest summary, or why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import desk

from core.messages.verification import CheckResult, Verdict, VerificationReport
from core.runtime.verify_report import write
from hip3_tui.console import Outside
from hip3_tui.screens.verification import FOLDER, VerificationScreen, _how, newest, summary_lines


def report(at_ms: int, verdict: Verdict = Verdict.PASS) -> VerificationReport:
    return VerificationReport(
        at_ms=at_ms,
        network="testnet",
        rules="testnet",
        place="wss://api.hyperliquid-testnet.xyz/ws",
        account="0xaa",
        signer="0xbb",
        market="xyz:SNDK",
        versions=(("hip3-tui", "0.1.0"),),
        checks=(CheckResult(6, "flatten", verdict, "not flat 10 s after the flatten", (("took_ms", "10000"),)),),
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_newest_summary_is_shown(tmp_path: Path, size: tuple[int, int]) -> None:
    write(report(1_705_054_000_000), tmp_path / FOLDER)
    write(report(1_705_054_900_000, Verdict.FAIL), tmp_path / FOLDER)
    async with desk(made.snapshot(), size, outside=Outside(folder=tmp_path)) as it:
        it.app.action_operate("verification")
        await it.pilot.pause()
        assert isinstance(it.app.screen, VerificationScreen)
        text = it.flowing()
        for words in (
            "2024-01-12 10:21:40 UTC",
            "testnet",
            "FAIL",
            "6",
            "flatten",
            "not flat 10 s",
            "verify --config F",
        ):
            assert words in text, words
        await it.press("down", "up", "escape")
        assert not isinstance(it.app.screen, VerificationScreen)


def test_what_keeps_it_from_being_shown_is_said(tmp_path: Path) -> None:
    assert newest(None) == ({}, "this console was given no folder")
    assert newest(tmp_path) == ({}, "no verification was made on this account yet")
    (tmp_path / FOLDER).mkdir()
    broken = tmp_path / FOLDER / "verification-20260101-000000.toml"
    broken.write_text("time = ")
    assert newest(tmp_path)[1].startswith("verification-20260101-000000.toml: ")
    broken.write_text("#" * 200_000)
    assert newest(tmp_path)[1].endswith("is too large")
    lines = summary_lines({}, "no verification was made on this account yet", 70)
    words = "\n".join("".join(piece for piece, _ in line) for line in lines)
    assert "nonces monotone over 20 ticks" in words
    how = " ".join(piece for line in _how(None, 70) for piece, _ in line)
    assert "end this console first" in how


def test_a_summary_that_lacks_half_of_it_is_shown_as_far_as_it_goes() -> None:
    lines = summary_lines({"checks": [{"verdict": "ODD"}]}, "", 70)
    assert "ODD" in "".join(piece for line in lines for piece, _ in line)


class FakeVerification:
    """The ten checks without an exchange."""

    market = "xyz:SNDK"

    def __init__(self, word: str = "", refusal: str = "") -> None:
        self.word, self.refusal = word, refusal
        self.is_running, self.end = False, ""
        self.results: tuple[CheckResult, ...] = ()
        self.asked: list[str] = []

    def begin(self, word: str) -> str:
        self.asked.append(word)
        if not self.refusal:
            self.is_running = True
        return self.refusal


PASSED = CheckResult(1, "connect and subscribe", Verdict.PASS, "ready after 0.1 s")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_is_started_here_and_followed(tmp_path: Path, size: tuple[int, int]) -> None:
    handle = FakeVerification()
    async with desk(made.flat(), size, outside=Outside(folder=tmp_path, verification=handle)) as it:
        it.app.action_operate("verification")
        await it.read("no verification was made on this account yet")
        assert it.app.focused is not None
        assert it.app.focused.id == "close", "the safe one has the focus"
        await it.press("tab", "enter")
        assert handle.asked == [""]
        await it.read("our own entries are paused")
        handle.results = (PASSED,)
        await it.see()
        assert "ready after 0.1 s" in it.flowing()
        await it.press("X")
        assert [type(c).__name__ for c in it.handle.sent] == ["TripHardStop"], "it acts while the checks run"
        await it.press("escape")
        it.app.action_operate("verification")
        await it.read("ready after 0.1 s")
        write(report(1_705_054_900_000, Verdict.FAIL), tmp_path / FOLDER)
        handle.is_running, handle.end = False, "summary: there"
        await it.see()
        await it.read("not flat 10 s after the flatten")


async def test_one_that_was_broken_off_says_why(tmp_path: Path) -> None:
    handle = FakeVerification()
    handle.end = "no verification: clearinghouseState: refused"
    async with desk(made.flat(), outside=Outside(folder=tmp_path, verification=handle)) as it:
        it.app.action_operate("verification")
        await it.read("no verification: clearinghouseState: refused")


async def test_a_refusal_is_told_and_the_word_is_typed(tmp_path: Path) -> None:
    handle = FakeVerification("REAL MONEY", "type REAL MONEY")
    async with desk(made.on_mainnet(made.flat()), (120, 40), Outside(folder=tmp_path, verification=handle)) as it:
        it.app.action_operate("verification")
        await it.read("type REAL MONEY to begin")
        it.app.screen.query_one("#go").focus()  # type: ignore[attr-defined]
        await it.press("enter")
        await it.read("Not begun: type REAL MONEY.")
        handle.refusal = ""
        it.app.screen.query_one("#word").focus()  # type: ignore[attr-defined]
        await it.press(*"REAL", "space", *"MONEY", "enter")
        assert handle.asked == ["", "REAL MONEY"]
        assert it.handle.sent == [], "letters typed are no keys"
        await it.read("under way on xyz:SNDK")
