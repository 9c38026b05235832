"""`hip3-tui stop` and the world around it: it tells who is to be told, no channel holds it up, and a link that dies does not end it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from notification_servers import NotificationServer
from pty_driver import spawn
from test_emergency_stop import Scene, confirmed, filled
from venue_driver import until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SECRET_PART = "a-topic-nobody-can-guess"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    try:
        yield scene
    finally:
        scene.venue.kill()


def with_alerts(scene: Scene, text: str) -> None:
    scene.config.write_text(scene.config.read_text() + f"[alerts]\n{text}\n")


def test_how_it_ended_reaches_the_phone(scene: Scene) -> None:
    filled(scene, 2, 4)
    with NotificationServer() as phone:
        with_alerts(scene, f'urls = ["json://127.0.0.1:{phone.port}/{SECRET_PART}"]')
        outcome = scene.stop()
        confirmed(scene, outcome)
        told = "\n".join(taken.body for taken in phone.taken)
    assert "emergency stop: flat confirmed" in told
    assert "2 exits and 4 cancels sent" in told
    assert SECRET_PART not in outcome.text


def test_not_flat_is_told_as_well(scene: Scene) -> None:
    filled(scene, 1, 0)
    scene.venue.fault("halt", coin=scene.venue.positions()[0]["coin"])
    with NotificationServer() as phone:
        with_alerts(scene, f'urls = ["json://127.0.0.1:{phone.port}/"]')
        assert scene.stop("--within", "8").code == 75
        told = "\n".join(taken.body for taken in phone.taken)
    assert "emergency stop: NOT CONFIRMED flat" in told
    assert "look at the exchange now" in told


def test_channels_that_hang_or_are_wrong_hold_up_nothing(scene: Scene) -> None:
    """One that takes the connection and says nothing, one whose variable is not set: flat as fast, the exit a few seconds later."""
    filled(scene, 4, 8)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with_alerts(scene, f'urls = ["json://127.0.0.1:{port}/{SECRET_PART}"]\nexit_wait_ms = 2000')
        outcome = scene.stop()
    confirmed(scene, outcome)
    assert outcome.verdict["flat_after_s"] < 5
    assert "not delivered to json://" in outcome.text
    assert SECRET_PART not in outcome.text
    print(f"flat after {outcome.verdict['flat_after_s']:.2f} s, ended after {outcome.seconds:.2f} s")
    filled(scene, 1, 1)
    scene.config.write_text(scene.config.read_text().split("[alerts]")[0])
    with_alerts(scene, 'urls_env = ["NO_SUCH_VARIABLE_OF_URLS"]')
    outcome = scene.stop()
    confirmed(scene, outcome)
    assert "nobody is told" in outcome.text


def test_a_terminal_that_dies_does_not_end_it(scene: Scene, tmp_path: Path) -> None:
    """The operator's SSH link goes in the middle of the emergency: what was begun is finished."""
    filled(scene, 6, 12)
    scene.venue.fault("latency_storm", ms=800, for_ms=60_000)
    env = {**os.environ, "XDG_STATE_HOME": str(scene.state)}
    args = [sys.executable, "-m", "hip3_tui", "stop", "--config", str(scene.config)]
    with spawn(args, env=env, cwd=str(ROOT)) as program:
        program.wait_for("EMERGENCY STOP", 60)
        program.hang_up()
        hung_up = time.monotonic()
        assert program.wait_exit(60) == 0
        until("flat", scene.is_closed, 5)
        print(f"flat {time.monotonic() - hung_up:.1f} s after the hang-up")
    assert scene.never_opened()


def test_a_reader_that_goes_away_does_not_end_it(scene: Scene) -> None:
    """`hip3-tui stop | head -1`: nobody reads any more."""
    filled(scene, 4, 8)
    process = subprocess.Popen(
        [sys.executable, "-m", "hip3_tui", "stop", "--config", str(scene.config), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "XDG_STATE_HOME": str(scene.state)}, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait(60) == 0
    assert scene.is_closed()


def test_ctrl_c_says_that_nothing_is_known(scene: Scene) -> None:
    filled(scene, 2, 2)
    scene.venue.fault("halt", coin=scene.venue.positions()[0]["coin"])
    env = {**os.environ, "XDG_STATE_HOME": str(scene.state)}
    args = [sys.executable, "-m", "hip3_tui", "stop", "--config", str(scene.config)]
    with spawn(args, env=env, cwd=str(ROOT)) as program:
        program.wait_for("cancels every open order", 60)
        program.send("\x03")
        assert program.wait_exit(60) == 75
        assert "NOT CONFIRMED: broken off" in program.text
