"""Alerts of the emergency stop: what is told, and that nothing about telling can hold it up."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from core.config import Config, parse_config
from core.messages.effects import Severity
from core.runtime import stop_alerts
from core.runtime.clock import SystemClock
from core.runtime.stop_alerts import StopAlerts

TEXT = """
ws_url = "ws://127.0.0.1:9/ws"
info_url = "http://127.0.0.1:9/info"
mode = "trading"
[[markets]]
coin = "BTC"
[signer]
key_source = { type = "simulator" }
[alerts]
"""
ACCOUNT = "0x" + "ab" * 20


def config(alerts: str) -> Config:
    return parse_config(TEXT + alerts, "my.toml")


class Channel:
    def __init__(self, answer: str = "") -> None:
        self.sent: list[tuple[Severity, str]] = []
        self.loaded, self.first = threading.Event(), threading.Event()
        self._answer = answer

    def make(self, _: Any) -> Channel:
        self.loaded.set()
        return self

    def send(self, severity: Severity, title: str, body: str) -> str:
        self.sent.append((severity, title))
        self.first.set()
        return self._answer


def told(
    channel: Channel, said: list[str], alerts: str = 'urls = ["json://127.0.0.1:9/"]\nexit_wait_ms = 3000'
) -> StopAlerts:
    return StopAlerts(config(alerts), "my.toml", ACCOUNT, SystemClock(), said.append, make_sender=channel.make)


def titles(channel: Channel) -> list[str]:
    return [title.split(": ", 1)[1] for _, title in channel.sent]


def test_its_end_is_told_and_says_who_speaks() -> None:
    channel, said = Channel(), []
    alerts = told(channel, said)
    alerts.began()
    alerts.ended("flat", confirmed=True, was_open=True)
    assert alerts.close() == ()
    assert titles(channel) == ["emergency stop: flat confirmed"]
    assert all(title.startswith("hip3-tui stop simulator 0xabab..abab: ") for _, title in channel.sent), channel.sent
    assert said == []


def test_not_confirmed_is_critical() -> None:
    channel = Channel()
    alerts = told(channel, [])
    alerts.ended("left: xyz:SNDK +1", confirmed=False, was_open=True)
    alerts.close()
    ((severity, title),) = channel.sent
    assert severity is Severity.CRITICAL
    assert "NOT CONFIRMED flat" in title


def test_its_beginning_is_told_too_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_alerts, "LONG_S", 0.05)
    channel = Channel()
    alerts = told(channel, [])
    alerts.began()
    assert channel.loaded.wait(20), "after two seconds, though it is not through"
    assert channel.first.wait(20)
    alerts.ended("flat", confirmed=True, was_open=False)
    alerts.close()
    assert titles(channel) == ["emergency stop", "emergency stop: flat confirmed"]


def test_the_library_is_not_loaded_while_it_closes() -> None:
    channel = Channel()
    alerts = told(channel, [])
    alerts.began()
    assert not channel.loaded.wait(0.3)
    alerts.ended("flat", confirmed=True, was_open=False)
    alerts.close()
    assert channel.loaded.is_set()


def test_targets_that_cannot_be_read_are_a_line_and_no_refusal() -> None:
    said: list[str] = []
    alerts = told(Channel(), said, 'urls_env = ["NO_SUCH_VARIABLE_OF_URLS"]')
    alerts.began()
    assert alerts.close() == ()
    (line,) = said
    assert line.startswith(
        "alerts: nobody is told: my.toml: alerts.urls_env: variable NO_SUCH_VARIABLE_OF_URLS is not set"
    )


def test_what_was_not_delivered_is_said() -> None:
    alerts = told(Channel("HTTP 500"), [], 'urls = ["json://127.0.0.1:9/"]\nexit_wait_ms = 500')
    alerts.ended("flat", confirmed=True, was_open=False)
    (left,) = alerts.close()
    assert "not delivered" in left
    assert "HTTP 500" in left
