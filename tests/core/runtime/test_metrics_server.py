"""The endpoint over a real socket: on loopback alone, and a port that is taken is one line and no more."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request

import pytest
from engine_rig import Rig
from test_metrics import Engine

from core.runtime.clock import SystemClock
from core.runtime.metrics_server import MetricsServer


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return answer.read().decode()


def test_it_answers_from_the_newest_snapshot() -> None:
    rig = Rig()
    engine = Engine(rig.snapshot())
    server = MetricsServer(engine, free_port(), SystemClock())
    assert server.start() == ""
    try:
        assert "inflight_current 0.0" in get(server.url)
        rig.enter()
        engine.latest = rig.snapshot()
        text = get(server.url)
        assert "inflight_current 1.0" in text
        assert "# TYPE batch_sent_total counter" in text
        assert "python_info" not in text, "the engine's figures, not the interpreter's"
    finally:
        server.close()
    with pytest.raises(urllib.error.URLError, match="refused"):
        get(server.url)


def test_it_listens_on_loopback_alone() -> None:
    server = MetricsServer(Engine(None), free_port(), SystemClock())
    assert server.start() == ""
    try:
        assert server._server.server_address[0] == "127.0.0.1"
    finally:
        server.close()


def test_a_port_that_is_taken_is_one_line_and_no_metrics() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        said: list[str] = []
        told = threading.Event()

        def hear(text: str) -> None:
            said.append(text)
            told.set()

        server = MetricsServer(Engine(None), port, SystemClock())
        begin = threading.Event()
        begin.set()
        server.start_soon(begin, hear)
        assert told.wait(10)
        assert said == [f"no metrics: port {port} on 127.0.0.1: Address already in use; set metrics.port to a free one"]
        server.close()
