"""The Prometheus endpoint: http://127.0.0.1:PORT/metrics, answered from the newest snapshot.

Pull, not push: a scrape reads one reference in a thread of the server's own; the engine's thread never knows. Decides one thing: a port that is
taken means no metrics and one line that says so, not a refused start, because a start may be what it takes to close what is open.
Easy to get wrong: the library's own registry would also tell what Python and the process are; ours has nothing but the engine in it.

SPEC 10.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from core.messages.handle import EngineHandle
from core.runtime.clock import Clock

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
FIRST_FRAME_WITHIN_S = 2.0
_CLOSE_WITHIN_S = 1.0


class MetricsServer:
    """Serves until the process ends or it is closed."""

    def __init__(self, engine: EngineHandle, port: int, clock: Clock) -> None:
        self._engine = engine
        self._port = port
        self._clock = clock
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}/metrics"

    def start_soon(self, begin: threading.Event, on_failure: Callable[[str], None]) -> None:
        """Load the library and listen, in a thread of its own, once ``begin`` is set or its bound is over.

        Args:
            begin: The first frame comes first.
            on_failure: Told, from that thread, in one line, when there will be no metrics.
        """

        def run() -> None:
            begin.wait(FIRST_FRAME_WITHIN_S)
            failure = self.start()
            if failure:
                on_failure(failure)

        threading.Thread(target=run, name="metrics-start", daemon=True).start()

    def start(self) -> str:
        """Listen. Returns why that was not possible, empty when it was."""
        from prometheus_client import CollectorRegistry, start_http_server

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self._engine, self._clock))
        try:
            self._server, self._thread = start_http_server(self._port, addr=HOST, registry=registry)
        except OSError as e:
            text = f"no metrics: port {self._port} on {HOST}: {e.strerror}; set metrics.port to a free one"
            _log.warning("%s", text)
            return text
        _log.info("metrics at %s", self.url)
        return ""

    def close(self) -> None:
        """Stop listening."""
        server, thread = self._server, self._thread
        if server is not None and thread is not None:
            server.shutdown()
            server.server_close()
            thread.join(_CLOSE_WITHIN_S)


class _Collector:
    """What the registry asks at each scrape."""

    def __init__(self, engine: EngineHandle, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        from core.runtime.metrics import families

        engine, latest = self._engine, self._engine.latest
        alive = not engine.is_done and not engine.error and not (latest is not None and latest.engine_error)
        yield GaugeMetricFamily("hip3_engine_up", "1: the engine runs.", value=float(alive))
        if latest is not None:
            age_ms = float(self._clock.now_ms() - latest.at_ms)
            yield GaugeMetricFamily("hip3_snapshot_age_ms", "Age of what is shown here.", value=age_ms)
            yield from families(latest)
