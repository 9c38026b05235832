"""The summary in both its forms."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from core.config import ConfigError
from core.messages.verification import CheckResult, Verdict, VerificationReport
from core.runtime.verify_report import as_markdown, write

REPORT = VerificationReport(
    at_ms=1_705_054_000_000,
    network="testnet",
    rules="testnet",
    place="wss://api.hyperliquid-testnet.xyz/ws",
    account="0xaa",
    signer="0xbb",
    market="xyz:SNDK",
    versions=(("hip3-tui", "0.1.0"),),
    checks=(
        CheckResult(1, "connect and subscribe", Verdict.PASS, "ready after 1.0 s", (("took_ms", "1000"),)),
        CheckResult(9, "inflight invariant under load", Verdict.NOT_RUN, "only 2 | 3"),
    ),
)


def test_both_files_hold_the_same(tmp_path: Path) -> None:
    toml, markdown = write(REPORT, tmp_path / "deep")
    data = tomllib.loads(toml.read_text())
    assert data["time"] == "2024-01-12 10:06:40 UTC"
    assert data["checks"][0] == {
        "number": 1,
        "name": "connect and subscribe",
        "verdict": "PASS",
        "reason": "ready after 1.0 s",
        "figures": {"took_ms": "1000"},
    }
    text = markdown.read_text()
    assert text == as_markdown(REPORT)
    assert "| 1 | connect and subscribe | PASS | ready after 1.0 s | took_ms 1000 |" in text
    assert "only 2 \\| 3" in text
    for word in ("testnet", "0xaa", "0xbb", "xyz:SNDK", "hip3-tui 0.1.0"):
        assert word in text


def test_a_folder_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="verification: "):
        write(REPORT, tmp_path / "file" / "x")
