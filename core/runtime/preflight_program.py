"""`hip3-tui preflight`: every check once, without a console and without a run. Sends nothing, writes nothing but folders.

Easy to get wrong: the journal is only looked at. Opening it as a run does would begin one, and be refused beside a console.

SPEC 9 (preflight).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from core.config import Config, ConfigError
from core.config_warnings import unfinished
from core.messages.preflight import Check, PreflightReport, Verdict
from core.runtime.account_lock import holder_of
from core.runtime.clock import SystemClock
from core.runtime.keys import TEST_ADDRESS, SigningKeyError, open_keys
from core.runtime.paths import run_paths
from core.runtime.preflight import OurSide, read_facts, report_of


def preflight_once(config: Config, source: str, state: Path | None = None) -> PreflightReport:
    """Read and judge everything.

    Raises:
        ConfigError: There is nobody to ask, or nothing to ask about.
    """
    if config.runs_own_simulator:
        raise ConfigError(f"{source}: starts a simulator of its own when it runs; there is nobody to ask before that")
    if missing := unfinished(config):
        raise ConfigError(f"{source}: {missing}")
    clock = SystemClock()
    bad_key, address = "", ""
    warnings: tuple[str, ...] = ()
    try:
        keys = open_keys(config)
        address, warnings = keys.address, keys.warnings
    except SigningKeyError as e:
        bad_key = str(e)
    account = (config.account.address if config.account is not None else address or TEST_ADDRESS).lower()
    journal = run_paths(config, account, clock.wall_ms(), state).journal
    error, latched = look_at_journal(journal)
    holder = holder_of(config, account, address, state)
    ours = OurSide(
        held_by=holder.text if holder is not None else "",
        key_place=key_place(config) if address else "",
        key_warnings=warnings,
        journal=journal,
        journal_error=error,
        latched=latched,
    )
    facts = asyncio.run(read_facts(config, account, address, ours, clock))
    report = report_of(config, source, facts)
    if bad_key:
        failed = Check("key", bad_key, "can be used", Verdict.FAIL)
        report = replace(report, checks=(failed, *report.checks))
    return report


def key_place(config: Config) -> str:
    """Where the key comes from, in words. Never the key."""
    from core.config import EnvVarKey, FileKey

    match config.signer.key_source if config.signer is not None else None:
        case EnvVarKey():
            return "from an environment variable"
        case FileKey():
            return "from a file of the owner's"
    return "the public test key"


def look_at_journal(path: Path) -> tuple[str, str]:
    """Why the journal cannot be written, and the reason of a latch in it; both empty when all is well."""
    if not path.exists():
        folder = path.parent
        return ("" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"), ""
    if not os.access(path, os.W_OK):
        return f"{path} cannot be written to", ""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)) as db:
            row = db.execute("SELECT reason FROM latch WHERE tripped_at_ms IS NOT NULL").fetchone()
    except sqlite3.Error as e:
        return f"{path}: {e}", ""
    return "", row[0] if row else ""


def lines_of(report: PreflightReport) -> list[str]:
    """The report for a terminal: a line a check, then what is open already."""
    rehearsed = "" if report.rules == report.network else f", under {report.rules}'s rules"
    width = max(len(c.name) for c in report.checks)
    lines = [
        f"preflight of {report.config_source}: {report.network}{rehearsed}, {report.place}",
        f"account {report.account}, key {report.signer or 'none'}",
        "",
    ]
    for c in report.checks:
        remedy = f"  -> {c.remedy}" if c.remedy else ""
        lines.append(f"{c.verdict.value}  {c.name:<{width}}  {c.value}  ({c.limit}){remedy}")
    for o in report.orders:
        whose = "of an earlier run" if o.is_ours else "EXTERNAL"
        lines.append(f"      open order {o.oid}: {o.market} {o.side} {o.size} @ {o.price:f}, {whose}")
    for p in report.positions:
        what = "taken over by the engine, time stop included" if p.is_configured else "left alone until a stop"
        lines.append(f"      position: {p.market} {p.signed_size} @ {p.entry_price:f}, {what}")
    if report.orders or report.positions:
        lines.append("      the console asks what to do with them; --headless takes --cancel-foreign and --close-found")
    return [*lines, "", report.summary]
