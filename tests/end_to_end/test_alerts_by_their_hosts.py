"""Slack and Discord by the names of their own hosts, over TLS, as the operator's program sends it: only the road is ours.

The library knows the hosts of some services and no others, so the test bends the road and nothing else: a proxy on loopback, which the
library takes from the environment, leads every CONNECT to a server of ours with a certificate for those names, and the certificate's
authority is trusted through the environment as well. URL, host, TLS, HTTP and body are the real ones. It ends there: whether the services still
take such a body only they can say (`hip3-tui alert-test`).

SPEC 8 (AlertService).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from notification_servers import NotificationServer

ROOT = Path(__file__).parents[2]
SIM_CONFIG = ROOT / "config" / "sim.toml"
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"
SLACK = f"slack://hip3@T1JJ3T3L2/A1BRTD4JD/{TOKEN}/#ops"
DISCORD = f"discord://4174216298/{TOKEN}"
HOSTS = ("hooks.slack.com", "discord.com")


class Road:
    """An HTTP proxy that knows one destination, whatever is asked for, and remembers what was."""

    def __init__(self, to_port: int) -> None:
        self.asked: list[str] = []
        self._to_port = to_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            got = client.recv(1)
            if not got:
                return
            head += got
        self.asked.append(head.split(b"\r\n")[0].decode())
        there = socket.create_connection(("127.0.0.1", self._to_port))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for one, other in ((client, there), (there, client)):
            threading.Thread(target=_pour, args=(one, other), daemon=True).start()


def _pour(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """For the services' names, valid for two days; made here, so that no key lies in the source."""
    openssl = shutil.which("openssl")
    assert openssl, "openssl, of any version, is needed to make a certificate"
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ",".join(f"DNS:{h}" for h in HOSTS)
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(cert), "-subj", "/CN=loopback", "-addext", f"subjectAltName={names}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture
def service(certificate: tuple[Path, Path]) -> Iterator[NotificationServer]:
    server = NotificationServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    with server:
        yield server


@pytest.fixture
def road(service: NotificationServer) -> Iterator[Road]:
    made = Road(service.port)
    yield made
    made.close()


def alert_test(tmp_path: Path, road: Road, authority: Path | None, urls: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "own.toml"
    config.write_text(SIM_CONFIG.read_text(encoding="utf-8") + '[alerts]\nurls_env = ["OPS"]\n', encoding="utf-8")
    environ = {**os.environ, "OPS": urls, "https_proxy": f"http://127.0.0.1:{road.port}", "no_proxy": ""}
    if authority is not None:
        environ["REQUESTS_CA_BUNDLE"] = str(authority)
    return subprocess.run(
        [sys.executable, "-m", "hip3_tui", "alert-test", "--config", str(config)],
        capture_output=True, text=True, timeout=120, check=False, env=environ, cwd=ROOT,
    )  # fmt: skip


def test_slack_gets_it_at_its_own_host(
    service: NotificationServer, road: Road, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    service.answer = b"ok"
    done = alert_test(tmp_path, road, certificate[0], SLACK)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert road.asked == ["CONNECT hooks.slack.com:443 HTTP/1.0"] or road.asked == [
        "CONNECT hooks.slack.com:443 HTTP/1.1"
    ]
    (taken,) = service.wait_taken(1)
    assert taken.headers["Host"] == "hooks.slack.com"
    assert taken.path == f"/services/T1JJ3T3L2/A1BRTD4JD/{TOKEN}"
    assert json.loads(taken.body)["channel"] == "#ops"
    assert "hip3-tui: test alert" in taken.body
    assert TOKEN not in done.stdout


def test_discord_gets_it_at_its_own_host(
    service: NotificationServer, road: Road, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    service.status = 204
    done = alert_test(tmp_path, road, certificate[0], DISCORD)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [line.split()[1] for line in road.asked] == ["discord.com:443"]
    (taken,) = service.wait_taken(1)
    assert taken.headers["Host"] == "discord.com"
    assert taken.path.startswith(f"/api/webhooks/4174216298/{TOKEN}")
    assert "test alert" in json.dumps(json.loads(taken.body))


def test_a_service_whose_certificate_nobody_vouches_for_gets_nothing(
    service: NotificationServer, road: Road, tmp_path: Path
) -> None:
    done = alert_test(tmp_path, road, None, SLACK)
    assert done.returncode == 1
    assert "NOT delivered: no secure connection: the certificate is not accepted" in done.stdout
    assert road.asked, "it was tried"
    assert service.taken == []
