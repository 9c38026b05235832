"""One console per account and key. Who holds a lock is asked of real processes, killed ones among them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from core.config import Config, ConfigError, parse_config
from core.runtime.account_lock import AccountBusy, AccountLock, Holder, holder_of

ACCOUNT, OTHER = "0x" + "Aa" * 20, "0x" + "bb" * 20
AGENT = "0x" + "Cc" * 20
SINCE = 1_705_054_000_000
ROOT = Path(__file__).parents[3]

TEXT = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "observation"
[[markets]]
coin = "BTC"
"""

HOLDER = """
import sys
from pathlib import Path
from core.config import parse_config
from core.runtime.account_lock import AccountLock
config = parse_config(sys.argv[1], "t.toml")
lock = AccountLock.take(config, sys.argv[2], sys.argv[3], int(sys.argv[4]), state=Path(sys.argv[5]))
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


def config_on(port: int = 8123) -> Config:
    return parse_config(TEXT.format(port=port), "t.toml")


@contextmanager
def held_elsewhere(state: Path, account: str = ACCOUNT, signer: str = AGENT) -> Iterator[subprocess.Popen[str]]:
    args = [sys.executable, "-c", HOLDER, TEXT.format(port=8123), account, signer, str(SINCE), str(state)]
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_start_is_told_who_has_the_account_and_since_when(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as other, pytest.raises(AccountBusy) as refused:
        AccountLock.take(config_on(), ACCOUNT.lower(), OTHER, SINCE, state=tmp_path)
    said = str(refused.value)
    assert (
        f"account {ACCOUNT.lower()} on simulator-8123 is held by console, process {other.pid} on {os.uname().nodename}"
        in said
    )
    assert "since 2024-01-12 10:06:40 UTC" in said


def test_the_same_key_for_another_account_is_refused_too_and_nothing_is_kept(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path), pytest.raises(AccountBusy, match=f"the key of {AGENT.lower()} on simulator-8123 is"):
        AccountLock.take(config_on(), OTHER, AGENT, SINCE, state=tmp_path)
    # The account's own lock, taken first, was given back.
    assert [f.name for f in (tmp_path / "locks").iterdir() if OTHER in f.name] == []


def test_given_back_it_is_free_and_nothing_was_left_behind(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "released\n"
        lock = AccountLock.take(config_on(), ACCOUNT, AGENT, SINCE, state=tmp_path)
    assert lock.found == []
    lock.release()
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_killed_console_holds_nothing_and_is_named_when_its_lock_is_taken_over(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        lock = AccountLock.take(config_on(), ACCOUNT, AGENT, SINCE + 1, state=tmp_path)
        assert len(lock.found) == 2
        assert all(f"process {other.pid} on" in text and "did not end in order" in text for text in lock.found)
        lock.release()


def test_a_lock_of_another_machine_cannot_be_judged_from_here(tmp_path: Path) -> None:
    file = tmp_path / "locks" / f"simulator-8123-account-{ACCOUNT.lower()}.lock"
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode(Holder(7, "elsewhere", SINCE, "console", "account")))
    with pytest.raises(AccountBusy, match=r"process 7 on elsewhere.*shared between machines.*remove .*account-0xaaaa"):
        AccountLock.take(config_on(), ACCOUNT, AGENT, SINCE, state=tmp_path)
    found = holder_of(config_on(), ACCOUNT, AGENT, tmp_path)
    assert found is not None
    assert found.host == "elsewhere"
    file.unlink()
    AccountLock.take(config_on(), ACCOUNT, AGENT, SINCE, state=tmp_path).release()


def test_asking_who_holds_it_takes_nothing(tmp_path: Path) -> None:
    assert holder_of(config_on(), ACCOUNT, AGENT, tmp_path) is None
    assert not (tmp_path / "locks").exists()
    with held_elsewhere(tmp_path) as other:
        found = holder_of(config_on(), ACCOUNT, "", tmp_path)
        assert found is not None
        assert found.pid == other.pid
        other.kill()
        other.wait()
        assert holder_of(config_on(), ACCOUNT, "", tmp_path) is None


def test_another_exchange_is_another_account(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path):
        AccountLock.take(config_on(8124), ACCOUNT, AGENT, SINCE, state=tmp_path).release()
        # An exchange of our own can be reached by nobody else.
        lock = AccountLock.take(config_on(0), ACCOUNT, AGENT, SINCE, state=tmp_path)
        lock.release()


def test_a_file_that_was_unlinked_while_we_waited_for_it_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.runtime import account_lock

    real, seen = account_lock._open, []

    def open_then_lose_it(path: Path) -> int:
        fd = real(path)
        if not seen:
            path.unlink()  # its holder gave it back between our opening and our locking
        seen.append(path)
        return fd

    monkeypatch.setattr(account_lock, "_open", open_then_lose_it)
    lock = AccountLock.take(config_on(), ACCOUNT, "", SINCE, state=tmp_path)
    assert len(seen) == 2
    with pytest.raises(AccountBusy):
        AccountLock.take(config_on(), ACCOUNT, "", SINCE, state=tmp_path)
    lock.release()


def test_what_stands_in_the_file_does_not_matter_to_the_lock(tmp_path: Path) -> None:
    file = tmp_path / "locks" / f"simulator-8123-account-{ACCOUNT.lower()}.lock"
    file.parent.mkdir()
    for content in (b"", b"\xff\xfe", b'{"pid": "x"}', b"[" * 5_000):
        file.write_bytes(content)
        AccountLock.take(config_on(), ACCOUNT, "", SINCE, state=tmp_path).release()


def test_a_folder_that_cannot_be_made_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match=r"lock .*cannot be made.*XDG_STATE_HOME"):
        AccountLock.take(config_on(), ACCOUNT, "", SINCE, state=tmp_path / "state")


def test_what_a_damaged_file_says_of_its_holder_is_one_line(tmp_path: Path) -> None:
    held = AccountLock.take(config_on(), ACCOUNT, "", SINCE, state=tmp_path)
    (file,) = (tmp_path / "locks").iterdir()
    for damaged in (
        Holder(1 << 70, "here\nand there\x1b[2J", 1 << 60, "w" * 3_000, "s"),
        Holder(-1, "", -(1 << 60), "", ""),
    ):
        file.write_bytes(msgspec.json.encode(damaged, enc_hook=str))
        with pytest.raises(AccountBusy) as refused:
            AccountLock.take(config_on(), ACCOUNT, "", SINCE, state=tmp_path)
        text = str(refused.value)
        assert text.isprintable()
        assert len(text) < 1_000
    held.release()
