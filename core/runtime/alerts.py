"""AlertService: the operator is told off screen too, whatever else is going on.

Takes alerts from any thread without ever blocking it, and sees them delivered: each target has a thread of its own, so that one that hangs
holds up no other. What is sent and when is alert_queue.py's to say, how it is sent alert_sender.py's. A message that is not taken is tried
again with growing pauses until it is too old; every change for the worse is told to the engine's audit trail and the log.
Easy to get wrong: these threads must not be waited for without a bound (a service may take its time over every byte of its answer), the library
behind them takes a second to load, so it is loaded here and not before the first frame; and the alert that matters most is often the last
one before the program ends, so the end waits for it a little.

SPEC 8 (AlertService); LESSONS L32, L46.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from core.config_alerts import AlertsConfig
from core.messages.alerts import AlertTarget, TargetState
from core.messages.effects import Alert, Severity
from core.messages.events import AlertsChanged, Noticed
from core.runtime.alert_queue import AlertQueue, Notification
from core.runtime.alert_urls import AlertUrl
from core.runtime.clock import Clock

_log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
LAST_PAUSE_S = 0.3
"""Between attempts when the program is ending: what little time there is should see several."""
FIRST_FRAME_WITHIN_S = 2.0
"""A console that draws nothing for this long is no reason not to tell."""
_LOOK_EVERY_S = 0.05
MAX_UNTAKEN = 1_000
"""Alerts handed in that a target's thread has not looked at yet; it looks as soon as its message under way is through."""


class Sending(Protocol):
    """A sender, as far as a target needs it."""

    def send(self, severity: Severity, title: str, body: str) -> str: ...


MakeSender = Callable[[AlertUrl], Sending]
Told = Callable[[AlertsChanged | Noticed], None]


class AlertService:
    def __init__(
        self,
        urls: Sequence[AlertUrl],
        config: AlertsConfig,
        prefix: str,
        clock: Clock,
        *,
        make_sender: MakeSender | None = None,
        begin: threading.Event | None = None,
    ) -> None:
        """Take the targets.

        Args:
            urls: One thread each; none: alerts go nowhere.
            config: How often, how long.
            prefix: What every title begins with, so that the operator knows which program on which account speaks.
            clock: Ours.
            make_sender: For tests; default apprise.
            begin: Until this is set, within a bound, the library is not loaded: the first frame comes first.
        """
        self._config = config
        self._listener: Told = lambda message: None
        self._targets = [_Target(url, config, prefix, clock, make_sender, begin, self._on_change) for url in urls]

    def start(self) -> None:
        """Start the threads. After the program's signals are blocked."""
        for target in self._targets:
            target.thread.start()

    def listen(self, listener: Told) -> None:
        """Tell what becomes of the alerts, from the targets' threads; how they fare at once. Must not block."""
        self._listener = listener
        if self._targets:
            self._on_change(None)

    def tell(self, alert: Alert) -> None:
        """Hand an alert in. From any thread, never blocks, never raises for a target's sake."""
        for target in self._targets:
            target.take(alert)

    @property
    def views(self) -> tuple[AlertTarget, ...]:
        return tuple(target.view for target in self._targets)

    def close(self, within_s: float | None = None) -> tuple[str, ...]:
        """See the last ones delivered, within a bound, and end. Later alerts go nowhere.

        Returns:
            For each target that did not get everything: which, and why.
        """
        deadline = time.monotonic() + (self._config.exit_wait_ms / 1000 if within_s is None else within_s)
        for target in self._targets:
            target.end(deadline)
        for target in self._targets:
            target.thread.join(max(0.0, deadline - time.monotonic()))
        return tuple(text for text in (target.left_undone() for target in self._targets) if text)

    def _on_change(self, noticed: Noticed | None) -> None:
        self._listener(AlertsChanged(self.views))
        if noticed is not None:
            self._listener(noticed)


class _Target:
    """One URL and its thread."""

    def __init__(
        self,
        url: AlertUrl,
        config: AlertsConfig,
        prefix: str,
        clock: Clock,
        make_sender: MakeSender | None,
        begin: threading.Event | None,
        on_change: Callable[[Noticed | None], None],
    ) -> None:
        self.thread = threading.Thread(target=self._run, name=f"alerts-{url.number}", daemon=True)
        self.view = AlertTarget(url.name)
        self._url = url
        self._config = config
        self._prefix = prefix
        self._clock = clock
        self._make_sender = make_sender or self._apprise
        self._begin = begin
        self._on_change = on_change
        self._queue = AlertQueue(config)
        self._untaken: deque[tuple[Alert, int]] = deque(maxlen=MAX_UNTAKEN)
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._deadline = float("inf")
        self._under_way = 0
        """Alerts in the message that is being sent."""

    # --- any thread --------------------------------------------------------------------------------------------------

    def take(self, alert: Alert) -> None:
        if not self._ending.is_set():
            self._untaken.append((alert, self._clock.now_ms()))
            self._wake.set()

    def end(self, deadline: float) -> None:
        self._deadline = deadline
        self._ending.set()
        self._wake.set()

    def left_undone(self) -> str:
        left = len(self._untaken) + len(self._queue) + self._under_way
        if not left:
            return ""
        why = self.view.last_error or "there was no time"
        return f"{left} alert{'s' if left > 1 else ''} not delivered to {self.view.name}: {why}"

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._wait_for_first_frame()
        try:
            sender = self._make_sender(self._url)
        except Exception as e:
            # ValueError is the sender's own and quotes nothing; of anything else the type alone.
            why = str(e) if isinstance(e, ValueError) else type(e).__name__
            self._change(
                f"{self._url.name} cannot be used: {why}", state=TargetState.UNUSABLE, last_error=why, failed=True
            )
            return
        while True:
            ending = self._ending.is_set()  # before the last look at what came in
            self._wake.clear()
            self._take_in()
            now_ms = self._clock.now_ms()
            message = self._queue.flush(now_ms) if ending else self._queue.next(now_ms)
            if message is not None:
                if not self._deliver(sender, message) and self._ending.is_set():
                    return
            elif ending:
                return
            else:
                wait_ms = self._queue.wait_ms(self._clock.now_ms())
                self._wake.wait(None if wait_ms is None else wait_ms / 1000)

    def _wait_for_first_frame(self) -> None:
        deadline = time.monotonic() + FIRST_FRAME_WITHIN_S
        while self._begin is not None and not self._ending.is_set() and time.monotonic() < deadline:
            if self._begin.wait(_LOOK_EVERY_S):
                return

    def _take_in(self) -> None:
        while self._untaken:
            alert, at_ms = self._untaken.popleft()
            self._queue.offer(alert, at_ms)

    def _deliver(self, sender: Sending, message: Notification) -> bool:
        """Try until it is taken (True), too old, or the program's end is here."""
        self._under_way = message.alerts
        stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._clock.wall_ms() / 1000))
        title = f"{self._prefix}: {message.title}"
        body = f"{message.body}\n{message.severity.value}, {stamp}"
        began, pause_s, attempts = self._clock.monotonic(), FIRST_PAUSE_S, 0
        while True:
            attempts += 1
            error = sender.send(message.severity, title, body)
            if not error:
                break
            if attempts == 1:
                note = f"{self.view.name}: '{message.title}' not delivered ({error}), trying again"
                self._change(note, state=TargetState.RETRYING, last_error=error, failed=True)
            is_late = self._clock.monotonic() - began + pause_s > self._config.retry_for_ms / 1000
            if time.monotonic() >= self._deadline or (is_late and not self._ending.is_set()):
                self._give_up(message, error, attempts)
                return False
            if self._ending.is_set():
                self._wake.wait(min(LAST_PAUSE_S, max(0.0, self._deadline - time.monotonic())))
                self._wake.clear()
            else:
                self._ending.wait(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        self._under_way = 0
        again = f"{self.view.name}: delivered at attempt {attempts}: '{message.title}'" if attempts > 1 else ""
        self._change(again, state=TargetState.OK, delivered=self.view.delivered + 1)
        return True

    def _give_up(self, message: Notification, error: str, attempts: int) -> None:
        if not self._ending.is_set():
            self._under_way = 0  # else it is still owed, and `close` says so
        self._change(
            f"{self.view.name}: given up after {attempts} attempts ({error}): '{message.title}'",
            given_up=self.view.given_up + message.alerts,
            last_error=error,
            failed=True,
        )

    def _change(self, note: str, *, failed: bool = False, **changes: object) -> None:
        if failed:
            changes["last_error_ms"] = self._clock.now_ms()
        waiting = len(self._untaken) + len(self._queue) + self._under_way
        self.view = msgspec.structs.replace(self.view, waiting=waiting, repeats=self._queue.repeats, **changes)
        noticed = None
        if note:
            noticed = Noticed(Severity.WARNING if failed else Severity.INFO, "alerts", note)
            _log.log(logging.WARNING if failed else logging.INFO, "alerts: %s", note)
        self._on_change(noticed)

    def _apprise(self, url: AlertUrl) -> Sending:
        from core.runtime.alert_sender import AlertSender

        return AlertSender(url, self._config.timeout_ms)
