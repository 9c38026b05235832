"""A whole session with a key of its own, at the most talkative settings there are, through rejections, a hard stop, a crash of the screen and
the end; then everything it left is searched for the key and every part of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from notification_servers import NotificationServer
from pty_driver import PtyProgram, spawn
from secret_search import leaks, leaks_in_files
from test_real_program import Venue, enter, until

from core.hyperliquid.signing_key import SigningKey

pytestmark = pytest.mark.slow

SECRET = hashlib.sha256(b"the key of a session that is searched").hexdigest()
ADDRESS = SigningKey.from_hex(SECRET).address
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"
PROGRAM = str(Path(__file__).with_name("talkative_console.py"))

SIM_CONFIG = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
[[markets]]
coin = "xyz:SNDK"
[sim]
accounts = ["{address}"]
"""
CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[account]
address = "{address}"
[signer]
key_source = {source}
[metrics]
port = {metrics}
[alerts]
urls = ["json://127.0.0.1:{alerts}/{token}"]
[journal]
path = "{journal}"
"""


class OwnVenue(Venue):
    """Our simulator with our own account funded."""

    def __init__(self, folder: Path) -> None:
        config = folder / "sim.toml"
        config.write_text(SIM_CONFIG.format(address=ADDRESS))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "sim", "--port", "0", "--seed", "11", "--config", str(config)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().rsplit(":", 1)[1])


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[OwnVenue]:
    venue = OwnVenue(tmp_path)
    yield venue
    venue.kill()


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def what_the_kernel_shows() -> dict[str, bytes]:
    """Command line and environment of every process, as ps would have them."""
    shown = {}
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                shown[f"{process}/{name}"] = (process / name).read_bytes()
    return shown


@pytest.mark.parametrize("place", ["file", "environment"])
def test_nothing_a_session_leaves_has_the_key_or_a_part_of_it(venue: OwnVenue, tmp_path: Path, place: str) -> None:
    left = tmp_path / "left"
    left.mkdir()
    key_file = tmp_path / "trading.key"
    key_file.write_text(f"0x{SECRET}\n")
    key_file.chmod(0o644)  # readable by others: a warning here, and a warning is one more text that could say too much
    source = (
        f'{{ type = "file", path = "{key_file}" }}' if place == "file" else '{ type = "env_var", var_name = "OWN_KEY" }'
    )
    env = {"XDG_STATE_HOME": str(left / "state")} | ({"OWN_KEY": SECRET} if place == "environment" else {})
    config, metrics = tmp_path / "own.toml", free_port()
    venue.settle()
    with NotificationServer() as alerts:
        config.write_text(
            CONFIG.format(
                port=venue.port, address=ADDRESS, source=source, metrics=metrics, alerts=alerts.port, token=TOKEN,
                journal=left / "journal.db",
            )
        )  # fmt: skip
        command = [sys.executable, PROGRAM, str(left), "run", "--config", str(config)]
        with spawn(command, cols=140, rows=45, env=env) as console:
            console.wait_for("LIVE", timeout=60)
            session(console, venue, left)
            kernel = what_the_kernel_shows()
            limits = Path(f"/proc/{console.pid}/limits").read_text()
            scraped = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10).read()
            (left / "break").touch()
            console.wait_for("BARE SCREEN", timeout=30)
            console.send("q")
            assert console.wait_exit(timeout=40) == 1
            written = console.output
        told = "\n".join(f"{taken.headers} {taken.body}" for taken in alerts.taken).encode()
    replayed = subprocess.run(
        [sys.executable, "-m", "hip3_tui", "replay", str(left / "journal.db")],
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip

    exported = b"".join(
        said_by(*words, "--journal", str(left / "journal.db"))
        for words in (
            ("journal", "export", "--out", str(left / "export")),
            ("journal", "check", "--json"),
            ("report", "--html", str(left / "report.html")),
            ("report", "--json"),
            ("report", "--csv"),
        )
    )
    assert (left / "report.html").stat().st_size > 1_000
    assert list((left / "export").glob("*.csv"))

    log = (left / "journal.log").read_bytes()
    assert b" DEBUG " in log, "the log was as talkative as it can be"
    assert b"HARD STOP" in told
    assert (left / "screen.svg").exists()
    assert b"build_and_sign" in (left / "frames.txt").read_bytes() or (left / "frames.txt").stat().st_size > 20_000
    assert b"broken on purpose" in (left / "crash-with-locals.txt").read_bytes()
    assert replayed.stdout, replayed.stderr
    assert next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4:6] == [
        "0",
        "0",
    ]
    assert f"/proc/{console.pid}/environ" in kernel or os.geteuid() != 0

    files = [path for path in left.rglob("*") if path.is_file()]
    assert len(files) >= 6, files
    assert leaks_in_files(SECRET, files) == {}
    others = {
        "terminal": written,
        "alerts": told,
        "metrics": scraped,
        "replay": replayed.stdout + replayed.stderr,
        "reports and exports": exported,
        **kernel,
    }
    assert {name: leaks(SECRET, content) for name, content in others.items() if leaks(SECRET, content)} == {}

    # The URL of the alerts is a secret too, and stands in the config alone.
    assert [str(path) for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert [name for name, content in others.items() if TOKEN.encode() in content] == []


def said_by(*words: str) -> bytes:
    done = subprocess.run([sys.executable, "-m", "hip3_tui", *words], capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def session(console: PtyProgram, venue: OwnVenue, left: Path) -> None:
    """A refused order, an entry, a picture, a hard stop with the position open, a lost connection."""
    venue.control(do="fault", name="reject_all", count=1)
    enter(venue)
    (left / "picture").touch()
    until("a picture is taken", lambda: (left / "screen.svg").exists(), 20)
    console.send("x")
    until("the venue is flat", lambda: not venue.positions(), 20)
    console.wait_for("HARD STOP", timeout=20)
    venue.control(do="fault", name="drop_connections")
    console.wait_for("LIVE", timeout=40)
