"""Which exchange, account and journal a program beside the console works on, and whether a console runs there."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from core.config import Config, ConfigError, parse_config
from core.runtime.heartbeat import Beat, beat_file, this_boot
from core.runtime.small_files import replace_file
from core.runtime.stop_target import find_target

OWN = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
[[markets]]
coin = "BTC"
"""
ACCOUNT = "0x1719884EB866cb12b2287399b15f7db5e7d775ea"
NO_SUCH_PID = 2**22 + 1  # above what the kernel gives out


def beat(journal: Path, *, pid: int | None = None, port: int = 5000, started_ms: int = 1, **more: object) -> Beat:
    made = Beat(
        pid=pid or os.getpid(),
        boot_id=this_boot(),
        started_ms=started_ms,
        run_id=1,
        account="0xf3",
        network="simulator",
        info_url=f"http://127.0.0.1:{port}/info",
        dexes=("",),
    )  # what is given beside that replaces it
    made = msgspec.structs.replace(made, **more)
    journal.parent.mkdir(parents=True, exist_ok=True)
    replace_file(beat_file(journal), made, durable=False)
    return made


def config(text: str = OWN) -> Config:
    return parse_config(text, "my.toml")


def test_a_real_network_has_a_folder_for_each_account(tmp_path: Path) -> None:
    target = find_target(config(OWN.replace(":0/", ":81/")), ACCOUNT, tmp_path)
    assert target.journal == tmp_path / "simulator" / ACCOUNT.lower() / "journal.db"
    assert (target.account, target.info_url, target.beat) == (ACCOUNT.lower(), "http://127.0.0.1:81/info", None)
    assert not target.console_runs
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_a_journal_named_in_the_config(tmp_path: Path) -> None:
    journal = tmp_path / "mine.db"
    text = OWN.replace(":0/", ":81/") + f'[journal]\npath = "{journal}"\n'
    running = beat(journal)
    target = find_target(config(text), ACCOUNT, tmp_path)
    assert (target.journal, target.beat, target.console_runs) == (journal, running, True)


@pytest.mark.parametrize("more", [{"ended": True}, {"pid": NO_SUCH_PID}, {"boot_id": "another"}])
def test_a_console_that_ended_or_died(tmp_path: Path, more: dict[str, object]) -> None:
    journal = tmp_path / "mine.db"
    beat(journal, **more)  # type: ignore[arg-type]
    text = OWN.replace(":0/", ":81/") + f'[journal]\npath = "{journal}"\n'
    assert not find_target(config(text), ACCOUNT, tmp_path).console_runs


def test_our_own_simulator_is_where_the_running_console_says(tmp_path: Path) -> None:
    runs = tmp_path / "simulator" / "runs"
    beat(runs / "1" / "journal.db", port=5001, started_ms=1)
    beat(runs / "2" / "journal.db", port=5002, started_ms=2)
    beat(runs / "3" / "journal.db", port=5003, started_ms=3, pid=NO_SUCH_PID)
    beat(runs / "4" / "journal.db", port=5004, started_ms=4, ended=True)
    (runs / "5").mkdir()
    target = find_target(config(), ACCOUNT, tmp_path)
    assert target.info_url == "http://127.0.0.1:5002/info"
    assert target.journal == runs / "2" / "journal.db"


@pytest.mark.parametrize("ended", [True, False])
def test_no_simulator_of_our_own_is_running(tmp_path: Path, ended: bool) -> None:
    if ended:
        beat(tmp_path / "simulator" / "runs" / "1" / "journal.db", ended=True)
    with pytest.raises(ConfigError, match="no such console is running"):
        find_target(config(), ACCOUNT, tmp_path)


def test_a_heartbeat_that_names_another_place_is_not_followed(tmp_path: Path) -> None:
    beat(tmp_path / "simulator" / "runs" / "1" / "journal.db", info_url="http://example.org/info")
    with pytest.raises(ConfigError, match="no such console is running"):
        find_target(config(), ACCOUNT, tmp_path)
