"""The summary of a verification as a file: TOML for programs, Markdown for people. Both hold the same.

SPEC 9 (verification).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import tomli_w

from core.config import ConfigError
from core.messages.verification import VerificationReport


def as_data(report: VerificationReport) -> dict[str, Any]:
    """Plain values, in the order in which they are read."""
    return {
        "time": _utc(report.at_ms),
        "network": report.network,
        "rules": report.rules,
        "place": report.place,
        "account": report.account,
        "signer": report.signer,
        "market": report.market,
        "versions": dict(report.versions),
        "checks": [
            {
                "number": c.number,
                "name": c.name,
                "verdict": c.verdict.value,
                "reason": c.reason,
                "figures": dict(c.figures),
            }
            for c in report.checks
        ],
    }


def as_toml(report: VerificationReport) -> str:
    return tomli_w.dumps(as_data(report))


def as_markdown(report: VerificationReport) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions)
    lines = [
        f"# Verification on {report.network}, {_utc(report.at_ms)}",
        "",
        f"Place {report.place}, under {report.rules}'s rules; account {report.account}, signer {report.signer}; market {report.market}; {versions}.",
        "",
        "| # | check | verdict | measured | figures |",
        "|---|---|---|---|---|",
    ]
    for c in report.checks:
        figures = ", ".join(f"{name} {value}" for name, value in c.figures)
        lines.append(f"| {c.number} | {c.name} | {c.verdict.value} | {_cell(c.reason)} | {_cell(figures)} |")
    return "\n".join(lines) + "\n"


def write(report: VerificationReport, folder: Path) -> tuple[Path, Path]:
    """Both files, named after the time.

    Raises:
        ConfigError: The folder cannot be written.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(report.at_ms / 1000))
    paths = folder / f"verification-{stamp}.toml", folder / f"verification-{stamp}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(as_toml(report), encoding="utf-8")
        paths[1].write_text(as_markdown(report), encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"verification: {e.filename}: {e.strerror}") from None
    return paths


def _utc(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at_ms / 1000))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
