"""The service: never in the way, never silent about a failure. Senders are hand-made here; test_alert_sender.py has the real ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.config_alerts import AlertsConfig
from core.messages.alerts import TargetState
from core.messages.effects import Alert, Severity
from core.messages.events import AlertsChanged, Noticed
from core.runtime import alerts
from core.runtime.alert_urls import AlertUrl
from core.runtime.alerts import AlertService
from core.runtime.clock import SystemClock

STOP = Alert(Severity.CRITICAL, "HARD STOP", "loss")
WAIT_S = 10.0


class Sender:
    """Answers as it is told: each text of ``answers`` once, then the last one for ever. ``hold``: it hangs until that is set."""

    def __init__(self, *answers: str, hold: threading.Event | None = None) -> None:
        self._answers = list(answers) or [""]
        self._hold = hold
        self.sent: list[tuple[Severity, str, str]] = []
        self._news = threading.Condition()

    def send(self, severity: Severity, title: str, body: str) -> str:
        with self._news:
            self.sent.append((severity, title, body))
            self._news.notify_all()
        if self._hold is not None:
            self._hold.wait(WAIT_S)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def wait_sent(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.sent) >= count, WAIT_S), f"{len(self.sent)} of {count} sent"


class Desk:
    """A service on these senders, and what it told the engine."""

    def __init__(self, *senders: Sender, make: Callable[[AlertUrl], Any] | None = None, **settings: Any) -> None:
        urls = [AlertUrl(f"ntfy://topic{n}", n + 1) for n in range(max(1, len(senders)))]
        self.told: list[AlertsChanged | Noticed] = []
        self._news = threading.Condition()
        self.service = AlertService(
            urls,
            AlertsConfig(**{"exit_wait_ms": 10_000, **settings}),
            "hip3-tui test",
            SystemClock(),
            make_sender=make or (lambda url: senders[url.number - 1]),
        )
        self.service.listen(self._listen)
        self.service.start()

    def _listen(self, message: AlertsChanged | Noticed) -> None:
        with self._news:
            self.told.append(message)
            self._news.notify_all()

    def wait(self, holds: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(holds, WAIT_S), self.told

    @property
    def notes(self) -> list[str]:
        return [m.text for m in self.told if isinstance(m, Noticed)]

    def view(self, number: int = 0) -> Any:
        return self.service.views[number]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(alerts, "LAST_PAUSE_S", 0.02)


def test_an_alert_reaches_every_target_with_who_speaks_and_when() -> None:
    one, two = Sender(), Sender()
    desk = Desk(one, two)
    desk.service.tell(STOP)
    assert desk.service.close() == ()
    for sender in (one, two):
        ((severity, title, body),) = sender.sent
        assert (severity, title) == (Severity.CRITICAL, "hip3-tui test: HARD STOP")
        assert body.startswith("loss\ncritical, 20")
        assert body.endswith(" UTC")
    assert [v.delivered for v in desk.service.views] == [1, 1]
    assert isinstance(desk.told[0], AlertsChanged), "how they fare is told at once"


def test_a_target_that_hangs_holds_up_neither_the_caller_nor_the_other_target() -> None:
    hold = threading.Event()
    stuck, fine = Sender(hold=hold), Sender()
    desk = Desk(stuck, fine)
    began = time.perf_counter()
    for n in range(5_000):
        desk.service.tell(Alert(Severity.WARNING, f"w{n}", ""))
    took_s = time.perf_counter() - began
    assert took_s < 1.0, "handing one in is an append, whatever its target does"
    stuck.wait_sent(1)
    fine.wait_sent(1)
    assert len(stuck.sent) == 1
    began = time.perf_counter()
    left = desk.service.close(0.2)
    assert time.perf_counter() - began < 3.0, "and the end is bounded"
    assert len(left) == 1
    assert "ntfy://... (target 1)" in left[0]
    hold.set()


def test_what_is_not_taken_is_tried_again_and_both_are_told() -> None:
    sender = Sender("HTTP 500", "HTTP 502", "")
    desk = Desk(sender)
    desk.service.tell(STOP)
    desk.wait(lambda: len(desk.notes) == 2)
    assert desk.service.close() == ()
    assert len(sender.sent) == 3
    assert desk.notes == [
        "ntfy://... (target 1): 'HARD STOP' not delivered (HTTP 500), trying again",
        "ntfy://... (target 1): delivered at attempt 3: 'HARD STOP'",
    ]
    assert desk.view().delivered == 1
    assert desk.view().last_error == "HTTP 500"


def test_the_body_of_a_late_delivery_has_the_time_of_the_alert() -> None:
    sender = Sender("no", "")
    desk = Desk(sender)
    desk.service.tell(STOP)
    sender.wait_sent(2)
    desk.service.close()
    assert sender.sent[0] == sender.sent[1]


def test_after_its_time_an_alert_is_given_up_and_counted_and_the_next_one_gets_its_chance() -> None:
    sender = Sender("HTTP 404", "")
    desk = Desk(sender, retry_for_ms=0)
    desk.service.tell(STOP)
    desk.wait(lambda: len(desk.notes) == 2)
    assert desk.view().given_up == 1
    assert desk.notes[-1] == "ntfy://... (target 1): given up after 1 attempts (HTTP 404): 'HARD STOP'"
    desk.service.tell(Alert(Severity.INFO, "stopped", "flat"))
    assert desk.service.close() == ()
    assert [title for _, title, _ in sender.sent] == ["hip3-tui test: HARD STOP", "hip3-tui test: stopped"]


def test_a_long_outage_ends_with_one_list_the_worst_first() -> None:
    sender = Sender("down", "down", "")
    hold = threading.Event()
    sender._hold = hold
    desk = Desk(sender)
    desk.service.tell(Alert(Severity.WARNING, "disconnected", "a"))
    sender.wait_sent(1)
    for n in range(9):
        desk.service.tell(Alert(Severity.WARNING, f"w{n}", ""))
    desk.service.tell(STOP)
    hold.set()
    assert desk.service.close() == ()
    assert sender.sent[-1][1] == "hip3-tui test: HARD STOP, and 9 more alerts"


def test_a_url_that_nothing_can_send_to_is_told_once_and_remembered_to_the_end() -> None:
    def make(url: AlertUrl) -> Any:
        raise ValueError("no notification service that we know has such a URL")

    desk = Desk(make=make)
    desk.wait(lambda: bool(desk.notes))
    assert desk.view().state is TargetState.UNUSABLE
    desk.service.tell(STOP)
    said = "no notification service that we know has such a URL"
    assert desk.notes == [f"ntfy://... (target 1) cannot be used: {said}"]
    assert desk.service.close() == (f"1 alert not delivered to ntfy://... (target 1): {said}",)


def test_a_library_that_falls_over_is_told_by_its_type_alone() -> None:
    def make(url: AlertUrl) -> Any:
        raise RuntimeError(url.reveal())

    desk = Desk(make=make)
    desk.wait(lambda: bool(desk.notes))
    assert desk.view().state is TargetState.UNUSABLE
    assert desk.notes == ["ntfy://... (target 1) cannot be used: RuntimeError"]
    desk.service.close()


def test_the_end_does_not_wait_longer_than_it_may_and_says_what_is_owed() -> None:
    sender = Sender("HTTP 503")
    desk = Desk(sender, exit_wait_ms=300)
    desk.service.tell(STOP)
    sender.wait_sent(1)
    desk.service.tell(Alert(Severity.INFO, "stopped", "flat"))
    began = time.perf_counter()
    (left,) = desk.service.close()
    assert time.perf_counter() - began < 3.0
    assert left == "2 alerts not delivered to ntfy://... (target 1): HTTP 503"
    assert len(sender.sent) > 3, "in its last moments it tries often"


def test_after_the_end_alerts_go_nowhere() -> None:
    sender = Sender()
    desk = Desk(sender)
    desk.service.close()
    desk.service.tell(STOP)
    assert sender.sent == []


def test_without_targets_nothing_runs() -> None:
    service = AlertService((), AlertsConfig(), "x", SystemClock())
    before = threading.active_count()
    service.start()
    service.listen(lambda message: pytest.fail("there is nothing to tell"))
    service.tell(STOP)
    assert threading.active_count() == before
    assert service.close() == ()


def test_the_first_frame_comes_first_but_is_not_waited_for_for_ever() -> None:
    begin = threading.Event()
    loaded = threading.Event()

    def make(url: AlertUrl) -> Any:
        loaded.set()
        return Sender()

    service = AlertService([AlertUrl("ntfy://t", 1)], AlertsConfig(), "x", SystemClock(), make_sender=make, begin=begin)
    service.start()
    assert not loaded.wait(0.2)
    begin.set()
    assert loaded.wait(WAIT_S)
    service.close()
    late = AlertService(
        [AlertUrl("ntfy://t", 1)], AlertsConfig(), "x", SystemClock(), make_sender=make, begin=threading.Event()
    )
    loaded.clear()
    late.start()
    late.tell(STOP)
    assert late.close() == (), "an end before the first frame still tells"
