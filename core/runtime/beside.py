"""What runs beside the engine and never in its way: alerts, metrics, and what the operator should read of the start.

Made from the config before anything keeps a copy of it, because a URL in a config is a secret (`open_beside` hands back the masked config).
Decides nothing. Easy to get wrong: all of this starts before the engine has an inbox, so what there is to say waits until it has one.

SPEC 8, 10; DESIGN "Hosting".
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping

from core.config import Config
from core.messages.effects import Alert, Severity
from core.messages.events import AlertsChanged, Noticed
from core.messages.exit_codes import ExitCode
from core.messages.handle import EngineHandle
from core.runtime.alert_urls import read_alert_urls
from core.runtime.alerts import AlertService
from core.runtime.clock import Clock
from core.runtime.inbox import Inbox
from core.runtime.metrics_server import MetricsServer

_log = logging.getLogger(__name__)


class Beside:
    """Use `open_beside`."""

    def __init__(self, alerts: AlertService, metrics_port: int | None, clock: Clock) -> None:
        self.alerts = alerts
        self._metrics_port = metrics_port
        self._metrics: MetricsServer | None = None
        self._clock = clock
        self._waiting: deque[AlertsChanged | Noticed] = deque()
        self._inbox: Inbox | None = None

    def start(self, engine: EngineHandle, first_frame: threading.Event) -> None:
        """Start the threads. After the program's signals are blocked."""
        self.alerts.listen(self._put)
        self.alerts.start()
        if self._metrics_port is not None:
            self._metrics = MetricsServer(engine, self._metrics_port, self._clock)
            self._metrics.start_soon(first_frame, lambda text: self.notice("metrics", text))

    def connect(self, inbox: Inbox) -> None:
        """From now on the engine hears what there is to say, what waited first."""
        self._inbox = inbox
        self._hand_over()

    def notice(self, kind: str, text: str) -> None:
        """A line for the audit trail, from any thread."""
        self._put(Noticed(Severity.WARNING, kind, text))

    # --- what the engine can no longer tell itself ---------------------------------------------------------------------

    def engine_died(self, why: str) -> None:
        self.alerts.tell(
            Alert(Severity.CRITICAL, "the engine died", f"{why}; nothing is closed any more: look at the exchange now")
        )

    def ended_without_engine(self, text: str, *, refused: bool) -> None:
        """The program ends before an engine could say so, or because it was refused its start."""
        severity = Severity.CRITICAL if refused else Severity.INFO
        self.alerts.tell(Alert(severity, "start refused" if refused else "stopped", text))

    def leaving(self, code: int, words: str) -> None:
        """For the life cycle: the one end of which nobody else can tell."""
        if code == ExitCode.WEDGED:
            self.alerts.tell(Alert(Severity.CRITICAL, "NOT CONFIRMED flat", f"{words}; look at the exchange now"))

    def close(self) -> tuple[str, ...]:
        """See the last alerts delivered, within their bound; what could not be, in words."""
        if self._metrics is not None:
            self._metrics.close()
        left = self.alerts.close()
        for text in left:
            _log.error("%s", text)
        return left

    def _put(self, message: AlertsChanged | Noticed) -> None:
        self._waiting.append(message)
        self._hand_over()

    def _hand_over(self) -> None:
        inbox = self._inbox
        while inbox is not None and self._waiting:
            try:
                message = self._waiting.popleft()
            except IndexError:  # another thread was faster
                return
            inbox.put(message)


def open_beside(
    config: Config,
    config_source: str,
    account: str,
    clock: Clock,
    environ: Mapping[str, str],
    first_frame: threading.Event,
) -> tuple[Config, Beside]:
    """Read where alerts go. Returns the config without any secret, for everybody else.

    Raises:
        ConfigError: A place named in the config cannot be read.
    """
    urls, warnings = read_alert_urls(config.alerts, environ, config_source)
    masked = config.masked()
    prefix = f"hip3-tui {config.network.value} {account[:6]}..{account[-4:]}"
    beside = Beside(AlertService(urls, masked.alerts, prefix, clock, begin=first_frame), config.metrics.port, clock)
    for warning in warnings:
        _log.warning("%s", warning)
        beside.notice("start", warning)
    return masked, beside
