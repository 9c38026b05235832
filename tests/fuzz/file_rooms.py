"""Hostile files and command lines: every parser of ours that reads what somebody else wrote.

Whatever is in there ends in a value that makes sense or in the one error that the parser documents, on one line of bounded length. Anything
else (another exception, a text over several lines, a line that quotes a secret) is a finding.
"""

from __future__ import annotations

import hashlib
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hostile_input import NUMBERS, TEXTS

from core.config import Config, ConfigError, FileKey, Network
from core.config_alerts import AlertsConfig
from core.messages.effects import AuditRow, LatchState, RiskCounters, Severity
from core.messages.recovered import Recovered
from core.messages.tape import TapeError, decode_start, decode_turn
from core.runtime.alert_urls import read_alert_urls
from core.runtime.clock import ManualClock
from core.runtime.config_file import load_config
from core.runtime.journal import Journal, JournalError
from core.runtime.keys import SigningKeyError, load_key
from core.runtime.replay_program import UnreadableTape, replay_file
from core.sim.scenario import parse_scenario

ROOT = Path(__file__).parents[2]
CONFIGS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "config").glob("*.toml"))]
SCENARIOS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "config" / "scenarios").glob("*.toml"))]
LONGEST_LINE = 4_000
_WORD = re.compile(r"[A-Za-z_]+|\d[\d_.]*|\"[^\"\n]*\"|[\[\]{}=,]")


def one_line(error: BaseException) -> None:
    text = str(error)
    assert text.strip(), "an error that says nothing"
    assert "\n" not in text, text
    assert len(text) < LONGEST_LINE, f"{len(text)} characters: {text[:200]}"


def toml_value(dice: random.Random) -> str:
    draw = dice.random()
    if draw < 0.3:
        return str(dice.choice(NUMBERS))
    if draw < 0.6:
        text = str(dice.choice(TEXTS))[:5_000].replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    return dice.choice(
        [
            "nan",
            "inf",
            "-inf",
            "1e400",
            "true",
            "[]",
            "{}",
            "[[]]",
            "1979-05-27",
            "0x10",
            "'",
            '"""',
            "[[markets]]",
            "[",
            "[" * 2000,
            "{a=" * 500,
            "-1",
            "0",
            "99999999999999999999",
            "1_0",
            "\x00",
            "\ufeff",
            "😀",
        ]
    )


def spoil_text(text: str, dice: random.Random) -> bytes:
    """A file with a word replaced, doubled, lost or moved; or with its bytes hurt."""
    for _ in range(dice.choice([1, 1, 2, 3])):
        words = list(_WORD.finditer(text))
        if not words:
            break
        word = dice.choice(words)
        draw = dice.random()
        if draw < 0.55:
            text = text[: word.start()] + toml_value(dice) + text[word.end() :]
        elif draw < 0.7:
            text = text[: word.start()] + text[word.end() :]
        elif draw < 0.8:
            text = text[: word.start()] + text[word.start() : word.end()] * 2 + text[word.end() :]
        else:
            lines = text.splitlines()
            lines.insert(dice.randrange(len(lines) + 1), dice.choice([*lines, f"x = {toml_value(dice)}"]))
            text = "\n".join(lines)
    data = text.encode("utf-8", "surrogatepass")
    return hurt(data, dice) if dice.random() < 0.2 else data


def hurt(data: bytes, dice: random.Random) -> bytes:
    """Bytes flipped, cut off or put in."""
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 8, 200])):
        if not changed:
            break
        at = dice.randrange(len(changed))
        draw = dice.random()
        if draw < 0.6:
            changed[at] = dice.randrange(256)
        elif draw < 0.75:
            del changed[at:]
        elif draw < 0.9:
            changed[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(30)))
        else:
            del changed[at : at + dice.randrange(400)]
    return bytes(changed)


def attempts(cases: int, errors: tuple[type[Exception], ...], attempt: Callable[[], Any]) -> Counter[str]:
    count: Counter[str] = Counter()
    for _ in range(cases):
        count["cases"] += 1
        try:
            attempt()
            count["understood"] += 1
        except errors as e:
            one_line(e)
            count["refused"] += 1
    return count


# --- the rooms: dice, cases, a folder of their own -----------------------------------------------------------------------


def config(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """A config that is understood never opens what only a true one may."""
    path = folder / "c.toml"

    def attempt() -> None:
        path.write_bytes(spoil_text(dice.choice(CONFIGS), dice))
        read = load_config(path)
        assert isinstance(read, Config)
        assert read.network is not Network.MAINNET or (read.safety.mainnet and not read.safety.testnet_only)
        assert read.execution.inflight_limit <= 100
        assert read.mode != "trading" or read.signer is not None

    return attempts(cases, (ConfigError,), attempt)


def scenario(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    def attempt() -> None:
        text = spoil_text(dice.choice(SCENARIOS), dice).decode("utf-8", "replace")
        parse_scenario(text, "s.toml")

    return attempts(cases, (ConfigError,), attempt)


def key_file(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """And whatever it holds is not repeated."""
    path = folder / "key"
    secret = hashlib.sha256(b"a key in a config").hexdigest()

    def attempt() -> None:
        path.write_bytes(hurt(secret.encode(), dice))
        path.chmod(0o600)
        try:
            load_key(FileKey(path=str(path)), Network.TESTNET)
        except SigningKeyError as e:
            assert not any(secret[i : i + 8] in str(e) for i in range(56))  # noqa: PT017
            raise

    return attempts(cases, (SigningKeyError,), attempt)


def alert_urls(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    path = folder / "urls"
    good = b"# phone\nntfy://127.0.0.1/SECRETTOPIC\nslack://SECRETTOKEN/B/C\n"

    def attempt() -> None:
        path.write_bytes(hurt(good, dice))
        try:
            urls, _ = read_alert_urls(AlertsConfig(urls_files=(str(path),)), {}, "c")
        except ConfigError as e:
            assert "SECRET" not in str(e)  # noqa: PT017
            raise
        assert "SECRET" not in repr(urls)

    return attempts(cases, (ConfigError,), attempt)


def tape(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Lines of a recorded run."""
    from engine_rig import FIRST_START, NOW, Rig, make_config, make_run

    from core.messages.tape import Start, encode_start, encode_turn

    config = make_config()
    lines = [encode_start(Start(config, make_run(config), FIRST_START, NOW))]
    rig = Rig()
    lines += [encode_turn(NOW, rig.ctx(rig.m.markets_configured[0]), [e for _, e in rig.log[:20]])]

    def attempt() -> None:
        number = dice.randrange(2)
        line = hurt(lines[number], dice)
        decode_start(line) if number == 0 else decode_turn(line, 2)

    return attempts(cases, (TapeError,), attempt)


def journal(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """A damaged journal is opened with values that make sense, or refused; a replay of it ends in words too."""
    good = _a_journal(folder / "good.db")
    count: Counter[str] = Counter()
    for number in range(cases):
        path = folder / f"{number}.db"
        path.write_bytes(hurt(good, dice) if dice.random() < 0.8 else hurt(good[:4096], dice) + good[4096:])
        count["cases"] += 1
        try:
            opened = Journal.open(path, ManualClock())
        except JournalError as e:
            one_line(e)
            count["refused"] += 1
        else:
            recovered = opened.recovered
            assert isinstance(recovered, Recovered)
            assert recovered.run_id >= 1
            assert recovered.last_nonce >= 0
            assert recovered.counters.trades_today >= 0
            assert recovered.latch.tripped_at_ms is not None, "the latch was lost without a word"
            opened.close()
            count["understood"] += 1
        try:
            replay_file(path, None, None)
        except UnreadableTape as e:
            one_line(e)
        for left in folder.glob(f"{number}.db*"):
            left.unlink()
    return count


def _a_journal(path: Path) -> bytes:
    """A latched run with a few rows, closed, as one file."""
    opened = Journal.open(path, ManualClock())
    for number in range(50):
        opened.append(AuditRow(number, Severity.INFO, "kind", f"text {number}", ""))
    opened.put_counters(RiskCounters(trades_today=3, day=19_000))
    assert opened.persist_latch(LatchState(1_700_000_000_000, "loss"))
    opened.end_run(clean=False)
    assert opened.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path.read_bytes()


def command_line(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Words that no operator types, to every command: a code of ours, and no traceback. None of them names a file that is there."""
    from hip3_tui.cli import COMMANDS, main

    names = [name for name in COMMANDS if name not in ("sim", "drill-program")]
    options = ["--config", "--json", "--run", "--until", "--for", "--only", "-h", "--no-such", "--", "-", "--headless"]
    count: Counter[str] = Counter()
    texts = [text.encode("utf-8", "replace").decode() for text in map(str, TEXTS)]
    """Half a surrogate pair cannot be typed: the kernel hands over bytes."""
    for _ in range(cases):
        words = [dice.choice([*names, *names, dice.choice(texts)[:200]])]
        for _ in range(dice.choice([0, 1, 2, 4])):
            words.append(dice.choice([*options, dice.choice(texts)[:2_000], str(dice.choice(NUMBERS))[:200]]))
        if "--config" not in words:
            words += ["--config", str(folder / "missing.toml")]
        result = CliRunner(env={"HIP3_CONFIG": "", "XDG_STATE_HOME": str(folder)}).invoke(main, words, input="")
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        assert "Traceback" not in result.output, words
        assert result.exit_code in (0, 1, 2, 75, 78), (words, result.exit_code)
        count["cases"] += 1
        count[f"exit code {result.exit_code}"] += 1
    return count


ROOMS: dict[str, Callable[[random.Random, int, Path], Counter[str]]] = {
    "config": config,
    "scenario": scenario,
    "key file": key_file,
    "alert URLs": alert_urls,
    "tape": tape,
    "journal": journal,
    "command line": command_line,
}
