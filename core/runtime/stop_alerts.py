"""What `hip3-tui stop` tells off screen: how it ended, and before that, if it takes long, that it began.

Easy to get wrong: nothing about alerts may hold up the stop. A target that is not there is a line and no refusal; the library behind them, which
takes a second of this process's time to load, is loaded when the stop is through or takes long, not before; and the last one is waited for
only after the verdict was shown.

SPEC 8 (AlertService), 11.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from core.config import Config, ConfigError
from core.messages.effects import Alert, Severity
from core.runtime.alert_urls import read_alert_urls
from core.runtime.alerts import AlertService, MakeSender
from core.runtime.clock import Clock

LONG_S = 2.0
"""Most stops are through by then, and one alert says more than two."""


class StopAlerts:
    """The alerts of one emergency stop."""

    def __init__(
        self,
        config: Config,
        source: str,
        account: str,
        clock: Clock,
        say: Callable[[str], None],
        *,
        make_sender: MakeSender | None = None,
    ) -> None:
        """
        Args:
            config: With its URLs still in it, not masked.
            source: Its name, for messages.
            say: Told what is wrong with the targets. Must not wait.
            make_sender: For tests; default apprise.
        """
        self._stop_is_through = threading.Event()
        try:
            urls, warnings = read_alert_urls(config.alerts, os.environ, source)
        except ConfigError as e:
            urls, warnings = (), (f"alerts: nobody is told: {e}",)
        for warning in warnings:
            say(warning)
        prefix = f"hip3-tui stop {config.network.value} {account[:6]}..{account[-4:]}"
        self._service = AlertService(
            urls, config.alerts, prefix, clock, make_sender=make_sender, begin=self._stop_is_through
        )
        self._service.start()

    def began(self) -> None:
        threading.Thread(target=self._tell_once_it_takes_long, name="stop-alerts", daemon=True).start()

    def _tell_once_it_takes_long(self) -> None:
        if not self._stop_is_through.wait(LONG_S):
            self._service.tell(
                Alert(Severity.CRITICAL, "emergency stop", "cancels and closes everything of the account, on every dex")
            )

    def ended(self, outcome: str, *, confirmed: bool, was_open: bool) -> None:
        self._stop_is_through.set()
        if confirmed:
            severity = Severity.CRITICAL if was_open else Severity.WARNING
            self._service.tell(Alert(severity, "emergency stop: flat confirmed", outcome))
        else:
            self._service.tell(
                Alert(Severity.CRITICAL, "emergency stop: NOT CONFIRMED flat", f"{outcome}; look at the exchange now")
            )

    def close(self) -> tuple[str, ...]:
        """See them delivered, within the config's bound. Returns what was not, and why."""
        return self._service.close()
