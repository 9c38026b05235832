"""The verification on the screen: the newest summary, or why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import desk

from core.messages.verification import CheckResult, Verdict, VerificationReport
from core.runtime.verify_report import write
from hip3_tui.console import Outside
from hip3_tui.screens.verification import FOLDER, VerificationScreen, newest, summary_lines


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
        for words in ("2024-01-12 10:21:40 UTC", "testnet", "FAIL", "6", "flatten", "not flat 10 s", "hip3-tui verify"):
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
    assert "end this console first" in words


def test_a_summary_that_lacks_half_of_it_is_shown_as_far_as_it_goes() -> None:
    lines = summary_lines({"checks": [{"verdict": "ODD"}]}, "", 70)
    assert "ODD" in "".join(piece for line in lines for piece, _ in line)
