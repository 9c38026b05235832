"""TLS on the road to the exchange: who shows a certificate that does not prove the name is not spoken to, and one line says so.

Real TLS on loopback, the shipped programs, a real simulator behind it. The right certificate is tried too, or nothing would be shown.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_road import BadRoad
from certificates import Certificates
from fault_stage import Stage
from test_guard_over_a_console import GuardProcess

from core.messages.exit_codes import ExitCode
from core.messages.snapshot import TradingState

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
HERE = "DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    stage.host = "localhost"
    stage.is_tls = True
    try:
        yield stage
    except BaseException as e:
        e.add_note(stage.record)
        raise
    finally:
        stage.close()


def shown_by(made: Certificates, which: str) -> ssl.SSLContext:
    match which:
        case "self-signed":
            return made.self_signed("self", HERE)
        case "another host":
            return made.signed("other", "DNS:api.somewhere-else.example")
        case _:
            return made.signed("right", HERE)


WRONG = {"self-signed": "self-signed certificate", "another host": "certificate is not valid for 'localhost'"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("which", WRONG)
def test_a_certificate_that_proves_nothing_is_refused_by_every_program(
    stage: Stage, made: Certificates, tmp_path: Path, which: str
) -> None:
    trusting = {"SSL_CERT_FILE": str(made.authority)}
    with BadRoad(stage.venue.port, tls=shown_by(made, which)) as road:
        stage.port = road.port
        stage.start(is_to_be_ready=False, env=trusting)
        stage.program.wait_said(WRONG[which], 30)
        lines = [e.text for e in stage.program.snapshot().audit if WRONG[which] in e.text]
        assert all("\n" not in line and f"localhost:{road.port}" in line for line in lines), lines
        s = stage.program.snapshot()
        assert not s.ready.is_ready
        assert s.state is not TradingState.ACTIVE
        assert not s.positions
        stage.end(ExitCode.NOT_CONFIRMED)

        env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "user"), **trusting}
        config = str(tmp_path / "program.toml")
        for command, code in ((("stop", "--within", "6"), 75), (("preflight",), None)):
            done = subprocess.run(
                [sys.executable, "-m", "hip3_tui", command[0], "--config", config, *command[1:]],
                cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert WRONG[which] in done.stdout + done.stderr, (command, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
            assert done.returncode != 0 if code is None else done.returncode == code, done.stdout
        guard = GuardProcess(tmp_path, Path(config), **trusting)
        try:
            guard.wait_said("guard cannot act", 30)
            assert WRONG[which] in guard.text
            guard.end()
        finally:
            guard.close()
    assert stage.venue.truth()["actions"] == [], "nothing was sent"


@pytest.mark.timeout(120)
def test_the_right_certificate_is_traded_through(stage: Stage, made: Certificates) -> None:
    with BadRoad(stage.venue.port, tls=shown_by(made, "right")) as road:
        stage.port = road.port
        stage.start(env={"SSL_CERT_FILE": str(made.authority)})
        stage.enter_and_leave()
        stage.at_rest()
        stage.end()


@pytest.mark.timeout(120)
def test_the_same_one_is_refused_by_a_machine_that_does_not_know_the_authority(
    stage: Stage, made: Certificates
) -> None:
    with BadRoad(stage.venue.port, tls=shown_by(made, "right")) as road:
        stage.port = road.port
        stage.start(is_to_be_ready=False)
        stage.program.wait_said("unable to get local issuer certificate", 30)
        assert stage.venue.truth()["actions"] == []
        stage.end(ExitCode.NOT_CONFIRMED)
