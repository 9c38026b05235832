"""What the programs beside the console leave: guard, stop, preflight, verify, order, headless runs, views, drill. Searched for the keys of both
signers, each part of them, and the URL of the alerts, after a kill, a flattening by the guard and a stop."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_no_secret_leaves
from notification_servers import NotificationServer
from secret_search import leaks, leaks_in_files
from test_no_secret_leaves import ADDRESS, CONFIG, SECRET, TOKEN, OwnVenue, free_port, what_the_kernel_shows
from test_real_program import enter, until

from core.hyperliquid.signing_key import SigningKey
from core.messages.view import Frames

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GUARDS_SECRET = hashlib.sha256(b"the guard's key of a session that is searched").hexdigest()
GUARD = SigningKey.from_hex(GUARDS_SECRET).address


@pytest.fixture
def venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnVenue]:
    # So many programs in one minute would be refused what they ask.
    monkeypatch.setattr(test_no_secret_leaves, "SIM_CONFIG", test_no_secret_leaves.SIM_CONFIG + "ip_limits = false\n")
    venue = OwnVenue(tmp_path)
    yield venue
    venue.kill()


class Session:
    """Everything that was said, by name; and where everything lies."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.left = folder / "left"
        self.said: dict[str, bytes] = {}
        self._config = config
        self._env = {
            **os.environ,
            "XDG_STATE_HOME": str(self.left / "state"),
            "OWN_KEY": SECRET,
            "GUARDS_KEY": GUARDS_SECRET,
        }

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.left / f"{name}.out").open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "hip3_tui", *words, "--config", str(self._config)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env=self._env, start_new_session=True,
            )  # fmt: skip

    def ran(self, name: str, *words: str, code: int | None = 0) -> str:
        process = self.start(name, *words)
        ended = process.wait(200)
        text = (self.left / f"{name}.out").read_text()
        assert code is None or ended == code, (name, ended, text)
        return text

    def text(self, name: str) -> str:
        return (self.left / f"{name}.out").read_text()

    def look(self, name: str) -> bytes:
        """Some frames of what other windows are shown."""
        (place,) = self.left.rglob("journal.view")
        (path,) = self.left.rglob("*.sock")
        assert place.read_bytes()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as theirs:
            theirs.settimeout(20)
            theirs.connect(str(path))
            data, frames = b"", Frames()
            seen = 0
            while seen < 3:
                piece = theirs.recv(1 << 16)
                data += piece
                seen += len(frames.feed(piece))
        self.said[name] = data
        return data


@pytest.mark.timeout(400)
def test_nothing_that_runs_beside_the_console_has_a_key_or_a_part_of_one(venue: OwnVenue, tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    config = tmp_path / "own.toml"
    session = Session(tmp_path, config)
    venue.control(do="approve_agent", user=ADDRESS, agent=GUARD, name="guard")
    venue.settle()
    running: list[subprocess.Popen[bytes]] = []
    with NotificationServer() as alerts:
        text = CONFIG.format(
            port=venue.port, address=ADDRESS, source='{ type = "env_var", var_name = "OWN_KEY" }', metrics=free_port(), alerts=alerts.port,
            token=TOKEN, journal=session.left / "journal.db",
        )  # fmt: skip
        config.write_text(
            text
            + '[guard]\nkey_source = { type = "env_var", var_name = "GUARDS_KEY" }\n[execution]\ntime_stop_ms = 60000\n'
        )
        try:
            session.ran("config", "config", "show")
            session.ran("preflight", "preflight")
            session.ran("dry", "order", "xyz:SNDK", "buy", "--usd", "11", "--dry-run")
            session.ran("alert", "alert-test")
            session.ran("verify", "verify", "--only", "3", "--out", str(session.left / "verified"), code=None)
            guard = session.start("guard", "guard")
            headless = session.start("headless", "run", "--headless", "--summary", str(session.left / "summary.json"))
            running += [guard, headless]
            until("the guard sees it", lambda: "console: alive" in session.text("guard"), 60)
            enter(venue)
            session.look("windows are shown")
            kernel = what_the_kernel_shows()
            headless.send_signal(signal.SIGKILL)
            until("the guard dealt with it", lambda: "dealt with" in session.text("guard"), 40)
            assert venue.positions() == []
            session.ran("stop", "stop")
            session.ran(
                "again", "run", "--headless", "--for", "3", "--summary", str(session.left / "again.json"), code=None
            )
            guard.send_signal(signal.SIGTERM)
            assert guard.wait(30) == 0, session.text("guard")
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
                    process.wait(10)
        told = "\n".join(f"{taken.path} {taken.headers} {taken.body}" for taken in alerts.taken)
    assert "the console died" in told
    session.said |= {"alerts": told.replace(f"/{TOKEN}", "").encode(), **kernel}

    files = [path for path in session.left.rglob("*") if path.is_file()]
    names = " ".join(path.name for path in files)
    for wanted in (
        "heartbeat",
        "guard.log",
        "journal.db.guard",
        "journal.log",
        "again.json",
        "verify.out",
        "stop.out",
        "verification-",
    ):
        assert wanted in names, f"{wanted} is not among what was left: {names}"
    for secret in (SECRET, GUARDS_SECRET):
        assert leaks_in_files(secret, files) == {}
        assert {name: leaks(secret, content) for name, content in session.said.items() if leaks(secret, content)} == {}
    assert [str(path) for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert [name for name, content in session.said.items() if TOKEN.encode() in content and "environ" not in name] == []
    named_by_us = (".out", ".toml", ".md", ".json")  # and made with whatever rights the operator's umask gives
    assert [str(path) for path in files if path.stat().st_mode & 0o077 and path.suffix not in named_by_us] == []
