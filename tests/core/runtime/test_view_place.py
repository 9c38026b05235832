"""Where a running program is announced, and who finds it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from core.config import Config, parse_config
from core.runtime.view_place import (
    ViewPlace,
    file_beside,
    find_running,
    nothing_runs,
    read_place,
    remove_place,
    socket_beside,
    write_place,
)

ACCOUNT = "0x" + "ab" * 20


def a_config(host: str = "wss://api.hyperliquid-testnet.xyz", more: str = "") -> Config:
    more = more or ("" if "127.0.0.1" in host else f'[account]\naddress = "{ACCOUNT}"\n')
    info = host.replace("ws", "http", 1)
    top = f'ws_url = "{host}/ws"\ninfo_url = "{info}/info"\nmode = "observation"\n[[markets]]\ncoin = "BTC"\n'
    return parse_config(top + more, "test")


def announce(folder: Path, pid: int = 0, account: str = ACCOUNT) -> ViewPlace:
    folder.mkdir(parents=True, exist_ok=True)
    place = ViewPlace(pid or os.getpid(), str(folder / "journal.sock"), account)
    write_place(file_beside(folder / "journal.db"), place)
    return place


def a_dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait(20)
    return done.pid


def test_what_is_written_is_read_and_for_the_owner_alone(tmp_path):
    place = announce(tmp_path)
    file = tmp_path / "journal.view"
    assert read_place(file) == place
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["journal.view"]


def test_the_account_of_the_config_is_found_and_no_other(tmp_path):
    ours = announce(tmp_path / "testnet" / ACCOUNT)
    announce(tmp_path / "testnet" / ("0x" + "cd" * 20))
    announce(tmp_path / "mainnet" / ACCOUNT)
    assert find_running(a_config(more=f'[account]\naddress = "{ACCOUNT.upper().replace("X", "x")}"\n'), tmp_path) == [
        ours
    ]


def test_without_an_account_every_program_of_the_network_the_newest_first(tmp_path):
    old = announce(tmp_path / "simulator" / ACCOUNT)
    new = announce(tmp_path / "simulator" / ("0x" + "cd" * 20))
    os.utime(tmp_path / "simulator" / ACCOUNT / "journal.view", (1, 1))
    assert find_running(a_config("ws://127.0.0.1:4000"), tmp_path) == [new, old]


def test_runs_of_the_simulator_are_found_in_their_folders(tmp_path):
    place = announce(tmp_path / "simulator" / "runs" / "0001-2-3")
    assert find_running(a_config("ws://127.0.0.1:0"), tmp_path) == [place]


def test_a_journal_that_the_config_names_is_where_it_is_looked_for(tmp_path):
    place = announce(tmp_path / "elsewhere")
    config = a_config(
        more=f'[account]\naddress = "{ACCOUNT}"\n[journal]\npath = "{tmp_path / "elsewhere" / "journal.db"}"\n'
    )
    assert find_running(config, tmp_path) == [place]


def test_what_a_killed_program_left_is_not_found(tmp_path):
    announce(tmp_path / "testnet" / ACCOUNT, pid=a_dead_pid())
    assert find_running(a_config(), tmp_path) == []


def test_a_damaged_file_is_none(tmp_path):
    (tmp_path / "testnet" / ACCOUNT).mkdir(parents=True)
    (tmp_path / "testnet" / ACCOUNT / "journal.view").write_bytes(b"{")
    assert find_running(a_config(), tmp_path) == []


def test_a_path_too_long_for_a_socket_gets_one_elsewhere(tmp_path):
    near = Path("/", "d", "journal.db")
    assert socket_beside(near) == Path("/", "d", "journal.sock")
    far = socket_beside(tmp_path / ("d" * 120) / "journal.db")
    assert len(os.fsencode(far)) <= 100
    assert stat.S_IMODE(far.parent.stat().st_mode) == 0o700
    far.touch()
    remove_place(tmp_path / "journal.view", far)
    assert not far.parent.exists()


def test_the_announcement_of_another_program_is_left_alone(tmp_path):
    announce(tmp_path, pid=os.getppid())
    remove_place(tmp_path / "journal.view", tmp_path / "journal.sock")
    assert (tmp_path / "journal.view").exists()
    announce(tmp_path)
    remove_place(tmp_path / "journal.view", tmp_path / "journal.sock")
    assert not (tmp_path / "journal.view").exists()


def test_what_is_said_when_nothing_runs():
    assert "no console is running on testnet" in nothing_runs(a_config())
    assert "no console is running on our own simulator" in nothing_runs(a_config("ws://127.0.0.1:0"))
