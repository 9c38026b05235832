"""What is sent, when, and what is told of what was not. Time is a number."""

from __future__ import annotations

from typing import Any

from core.config_alerts import AlertsConfig
from core.messages.effects import Alert, Severity
from core.runtime.alert_queue import MAX_WAITING, AlertQueue, Notification

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def queue(**settings: Any) -> AlertQueue:
    return AlertQueue(AlertsConfig(**settings))


def drain(q: AlertQueue, now_ms: int) -> list[Notification]:
    sent = []
    while (message := q.next(now_ms)) is not None:
        sent.append(message)
    return sent


def test_an_alert_is_sent_as_it_is() -> None:
    q = queue()
    q.offer(Alert(CRITICAL, "HARD STOP", "why"), 0)
    assert drain(q, 0) == [Notification(CRITICAL, "HARD STOP", "why", 1)]
    assert q.wait_ms(0) is None


def test_less_than_the_asked_severity_is_not_sent() -> None:
    q = queue(min_severity="warning")
    q.offer(Alert(INFO, "stopped", ""), 0)
    q.offer(Alert(WARNING, "disconnected", ""), 0)
    assert [m.title for m in drain(q, 0)] == ["disconnected"]


def test_the_same_again_is_counted_and_the_count_is_told() -> None:
    q = queue(same_within_ms=60_000)
    alert = Alert(WARNING, "disconnected", "socket closed")
    q.offer(alert, 0)
    assert len(drain(q, 0)) == 1
    for at_ms in (1_000, 2_000, 3_000):
        q.offer(alert, at_ms)
        assert drain(q, at_ms) == []
    assert q.wait_ms(3_000) == 57_000, "it wakes to tell the count"
    assert drain(q, 59_999) == []
    (told,) = drain(q, 60_000)
    assert (told.title, told.body) == ("disconnected, again", "3 more times within 60 s: socket closed")
    assert q.repeats == 3
    assert drain(q, 200_000) == []


def test_after_its_time_the_same_alert_is_news_again() -> None:
    q = queue(same_within_ms=60_000)
    alert = Alert(WARNING, "disconnected", "socket closed")
    q.offer(alert, 0)
    drain(q, 0)
    q.offer(alert, 1_000)
    q.offer(alert, 70_000)
    assert [m.title for m in drain(q, 70_000)] == ["disconnected, again", "disconnected"], "and the count is not lost"


def test_the_same_again_while_it_waits_is_one_message_that_says_so() -> None:
    q = queue()
    for _ in range(3):
        q.offer(Alert(WARNING, "disconnected", "socket closed"), 0)
    assert [m.body for m in drain(q, 0)] == ["socket closed (3 times)"]


def test_beyond_the_rate_they_are_gathered() -> None:
    q = queue(max_per_minute=2)
    for n in range(7):
        q.offer(Alert(WARNING, f"alert {n}", f"body {n}"), n)
        if n < 2:
            assert len(drain(q, n)) == 1
    assert drain(q, 10) == []
    assert q.wait_ms(10) == 59_990
    (gathered,) = drain(q, 60_000)
    assert (gathered.title, gathered.alerts) == ("alert 2, and 4 more alerts", 5)
    assert gathered.body.splitlines() == [f"WARNING alert {n}: body {n}" for n in range(2, 7)]


def test_a_critical_alert_of_a_new_kind_is_never_held_back() -> None:
    q = queue(max_per_minute=1)
    q.offer(Alert(WARNING, "disconnected", ""), 0)
    drain(q, 0)
    q.offer(Alert(WARNING, "posts", ""), 1)
    q.offer(Alert(CRITICAL, "HARD STOP", "loss"), 2)
    assert [m.title for m in drain(q, 2)] == ["HARD STOP"]
    q.offer(Alert(CRITICAL, "HARD STOP", "another"), 3)
    assert drain(q, 3) == [], "that kind was told within the minute"
    assert q.wait_ms(3) == 59_999, "what was urgent counts toward the rate of the others"
    assert [m.title for m in drain(q, 60_002)] == ["posts", "HARD STOP"], "and a minute later it is news again"


def test_the_worst_leads_what_is_gathered() -> None:
    q = queue()
    for severity, title in ((INFO, "a"), (WARNING, "b"), (CRITICAL, "c"), (CRITICAL, "d")):
        q.offer(Alert(severity, title, "x\ny"), 0)
    (gathered,) = drain(q, 0)
    assert (gathered.severity, gathered.title) == (CRITICAL, "c, and 3 more alerts")
    assert gathered.body == "CRITICAL c: x y\nCRITICAL d: x y\nWARNING b: x y\nINFO a: x y"


def test_memory_is_bounded_and_the_least_urgent_goes_first_counted() -> None:
    q = queue()
    q.offer(Alert(CRITICAL, "HARD STOP", "first"), 0)
    for n in range(MAX_WAITING + 49):
        q.offer(Alert(INFO, "chatter", str(n)), 0)
    assert q.dropped == 50
    (gathered,) = drain(q, 0)
    assert gathered.alerts == MAX_WAITING + 50
    lines = gathered.body.splitlines()
    assert lines[0] == "CRITICAL HARD STOP: first"
    assert lines[-2:] == [f"and {MAX_WAITING - 20} more, in the journal", "not kept, there were too many: chatter (50)"]


def test_at_the_end_everything_is_told_at_once_counts_too() -> None:
    q = queue(max_per_minute=1)
    alert = Alert(WARNING, "disconnected", "socket closed")
    q.offer(alert, 0)
    drain(q, 0)
    q.offer(alert, 1)
    q.offer(Alert(INFO, "stopped", "flat"), 2)
    last = q.flush(3)
    assert last is not None
    assert last.body == "WARNING disconnected, again: 1 more time within 60 s: socket closed\nINFO stopped: flat"
    assert q.flush(4) is None


def test_a_single_last_word_is_sent_as_it_is() -> None:
    q = queue()
    q.offer(Alert(INFO, "stopped", "flat"), 0)
    assert q.flush(0) == Notification(INFO, "stopped", "flat", 1)
