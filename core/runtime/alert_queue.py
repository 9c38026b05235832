"""What is sent to one target and when: repeats are counted, floods gathered, nothing urgent held back.

Takes alerts and the time, gives messages. Waits for nothing, sends nothing, knows no URL. Rules that are easy to get wrong: what is
suppressed must be told as a number later, or the operator takes silence for health; a critical alert of a kind that was not told
within the minute passes every limit; and memory is bounded whatever happens, the least urgent goes first, and is counted.

SPEC 8 (AlertService).
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from core.config_alerts import AlertsConfig
from core.messages.effects import Alert, Severity

MAX_WAITING = 100
"""Far above what one run has to say; a channel that is down for a day must not fill the memory."""
DIGEST_FROM = 4
"""This many waiting alerts become one message: after an outage the operator needs one list, not a hundred buzzes."""
DIGEST_LINES = 20
_RATE_WINDOW_MS = 60_000

_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


@dataclass(frozen=True)
class Notification:
    """One message to one target."""

    severity: Severity
    title: str
    body: str
    alerts: int
    """How many alerts it tells, repeats not counted."""


@dataclass
class _Waiting:
    alert: Alert
    at_ms: int
    times: int = 1


@dataclass
class _Told:
    at_ms: int
    repeats: int = 0


class AlertQueue:
    def __init__(self, config: AlertsConfig) -> None:
        self._least = _RANK[Severity(config.min_severity)]
        self._max_per_minute = config.max_per_minute
        self._same_within_ms = config.same_within_ms
        self._waiting: deque[_Waiting] = deque()
        self._told: dict[Alert, _Told] = {}
        self._title_told_ms: dict[str, int] = {}
        """Titles of critical alerts, each with when it was last told."""
        self._sent_ms: deque[int] = deque()
        self._dropped: Counter[str] = Counter()
        self.repeats = 0
        """Alerts that were counted instead of sent."""

    def __len__(self) -> int:
        return len(self._waiting) + (1 if self._dropped else 0)

    @property
    def dropped(self) -> int:
        """Alerts that no longer fit, not told yet."""
        return sum(self._dropped.values())

    def offer(self, alert: Alert, now_ms: int) -> None:
        """Take an alert in."""
        if _RANK[alert.severity] < self._least:
            return
        same = next((w for w in self._waiting if w.alert == alert), None)
        told = self._told.get(alert)
        if same is not None:
            same.times += 1
            self.repeats += 1
        elif told is not None and now_ms - told.at_ms < self._same_within_ms:
            told.repeats += 1
            self.repeats += 1
        else:
            self._forget_told(alert, now_ms)
            self._append(_Waiting(alert, now_ms))

    def next(self, now_ms: int) -> Notification | None:
        """The next message that may be sent now; it counts as sent."""
        self._repeats_become_alerts(now_ms)
        if not len(self):
            return None
        while self._sent_ms and now_ms - self._sent_ms[0] >= _RATE_WINDOW_MS:
            self._sent_ms.popleft()
        if len(self._sent_ms) < self._max_per_minute:
            if len(self) >= DIGEST_FROM or self._dropped:
                return self._digest(now_ms)
            return self._send([self._waiting.popleft()], now_ms)
        for waiting in self._waiting:
            if self._is_urgent(waiting.alert, now_ms):
                self._waiting.remove(waiting)
                return self._send([waiting], now_ms)
        return None

    def wait_ms(self, now_ms: int) -> int | None:
        """How long `next` will have nothing if nothing is offered. None: for ever."""
        due = [told.at_ms + self._same_within_ms for told in self._told.values() if told.repeats]
        if len(self):
            is_full = len(self._sent_ms) >= self._max_per_minute
            due.append(self._sent_ms[-self._max_per_minute] + _RATE_WINDOW_MS if is_full else now_ms)
        return max(0, min(due) - now_ms) if due else None

    def flush(self, now_ms: int) -> Notification | None:
        """Everything that is left in one message, whatever the limits: the program ends."""
        for told in self._told.values():
            told.at_ms -= self._same_within_ms  # as if its time were over
        self._repeats_become_alerts(now_ms)
        if not len(self):
            return None
        if len(self._waiting) == 1 and not self._dropped:
            return self._send([self._waiting.popleft()], now_ms)
        return self._digest(now_ms)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _is_urgent(self, alert: Alert, now_ms: int) -> bool:
        told_ms = self._title_told_ms.get(alert.title)
        return alert.severity is Severity.CRITICAL and (told_ms is None or now_ms - told_ms >= _RATE_WINDOW_MS)

    def _append(self, waiting: _Waiting) -> None:
        if len(self._waiting) >= MAX_WAITING:
            least = min(self._waiting, key=lambda w: _RANK[w.alert.severity])  # of equals the oldest
            self._waiting.remove(least)
            self._dropped[least.alert.title] += least.times
        self._waiting.append(waiting)

    def _repeats_become_alerts(self, now_ms: int) -> None:
        over = [a for a, told in self._told.items() if now_ms - told.at_ms >= self._same_within_ms]
        for alert in over:
            self._forget_told(alert, now_ms)

    def _forget_told(self, alert: Alert, now_ms: int) -> None:
        told = self._told.pop(alert, None)
        if told is not None and told.repeats:
            seconds = max(1, self._same_within_ms // 1000)
            times = f"{told.repeats} more time{'s' if told.repeats > 1 else ''} within {seconds} s"
            self._append(_Waiting(Alert(alert.severity, f"{alert.title}, again", f"{times}: {alert.body}"), now_ms))

    def _send(self, gathered: list[_Waiting], now_ms: int) -> Notification:
        self._sent_ms.append(now_ms)
        for waiting in gathered:
            self._told[waiting.alert] = _Told(now_ms)
            if waiting.alert.severity is Severity.CRITICAL:
                self._title_told_ms[waiting.alert.title] = now_ms
        self._title_told_ms = {t: ms for t, ms in self._title_told_ms.items() if now_ms - ms < _RATE_WINDOW_MS}
        if len(gathered) == 1 and not self._dropped:
            (waiting,) = gathered
            return Notification(waiting.alert.severity, waiting.alert.title, _body(waiting), 1)
        return self._gathered(gathered)

    def _digest(self, now_ms: int) -> Notification:
        gathered = sorted(self._waiting, key=lambda w: -_RANK[w.alert.severity])  # of equals in the order they came
        self._waiting.clear()
        return self._send(gathered, now_ms)

    def _gathered(self, gathered: list[_Waiting]) -> Notification:
        lines = [
            f"{w.alert.severity.value.upper()} {w.alert.title}: {_body(w)}".replace("\n", " ")
            for w in gathered[:DIGEST_LINES]
        ]
        if len(gathered) > DIGEST_LINES:
            lines.append(f"and {len(gathered) - DIGEST_LINES} more, in the journal")
        lines += [f"not kept, there were too many: {title} ({count})" for title, count in self._dropped.items()]
        count = len(gathered) + self.dropped
        self._dropped.clear()
        worst = gathered[0].alert
        return Notification(worst.severity, f"{worst.title}, and {count - 1} more alerts", "\n".join(lines), count)


def _body(waiting: _Waiting) -> str:
    return waiting.alert.body if waiting.times == 1 else f"{waiting.alert.body} ({waiting.times} times)"
