"""Real services' shapes over real sockets: json, form, ntfy and mail to a server of ours; Slack and Discord, whose hosts are fixed in the
library, with that one host replaced and everything else as it is. And whatever goes wrong, no secret in any log at any level."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator

import pytest
from notification_servers import MailServer, NotificationServer

from core.messages.effects import Severity
from core.runtime.alert_sender import UNKNOWN_SERVICE, AlertSender
from core.runtime.alert_urls import AlertUrl

CRITICAL = Severity.CRITICAL
TOKEN = "TIiajkdnlazkcOXrIdevi7FQ"
SLACK = f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}"
DISCORD = f"discord://4174216298/{TOKEN}"


def sender(url: str, timeout_ms: int = 5_000) -> AlertSender:
    return AlertSender(AlertUrl(url, 1), timeout_ms)


@pytest.fixture
def server() -> Iterator[NotificationServer]:
    with NotificationServer() as running:
        yield running


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


def test_json(server: NotificationServer) -> None:
    assert sender(f"json://127.0.0.1:{server.port}/hook").send(CRITICAL, "HARD STOP", "loss $21") == ""
    (taken,) = server.wait_taken(1)
    body = json.loads(taken.body)
    assert taken.path.rstrip("/") == "/hook"
    assert (body["title"], body["message"], body["type"]) == ("HARD STOP", "loss $21", "failure")


def test_ntfy(server: NotificationServer) -> None:
    assert sender(f"ntfy://127.0.0.1:{server.port}/topic").send(CRITICAL, "HARD STOP", "loss $21") == ""
    (taken,) = server.wait_taken(1)
    body = json.loads(taken.body)
    assert (body["topic"], body["title"], body["message"]) == ("topic", "HARD STOP", "loss $21")


def test_mail(mail: MailServer) -> None:
    url = f"mailto://user:{TOKEN}@127.0.0.1:{mail.port}?smtp=127.0.0.1&from=tui@example.com&to=op@example.com&mode=insecure"
    assert sender(url).send(CRITICAL, "HARD STOP", "loss $21") == ""
    mail.wait_taken(1)
    (letter,) = mail.mails
    text = "".join(letter.lines)
    assert "op@example.com" in letter.recipients[0]
    assert "Subject: HARD STOP" in text
    assert "loss $21" in text or "bG9zcyAkMjE" in text


def test_slack_with_its_host_replaced(server: NotificationServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{server.port}/services")
    server.answer = b"ok"
    assert sender(SLACK).send(CRITICAL, "HARD STOP", "loss $21") == ""
    (taken,) = server.wait_taken(1)
    assert taken.path == f"/services/T1JJ3T3L2/A1BRTD4JD/{TOKEN}"
    assert "HARD STOP" in taken.body
    assert "loss $21" in taken.body


def test_discord_with_its_host_replaced(server: NotificationServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.discord import NotifyDiscord

    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{server.port}/api/webhooks")
    server.status = 204
    assert sender(DISCORD).send(CRITICAL, "HARD STOP", "loss $21") == ""
    (taken,) = server.wait_taken(1)
    assert taken.path.startswith(f"/api/webhooks/4174216298/{TOKEN}")
    assert "HARD STOP" in taken.body
    assert "loss $21" in taken.body


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_why_not_in_words_of_ours(server: NotificationServer, mail: MailServer) -> None:
    server.status = 500
    assert sender(f"json://127.0.0.1:{server.port}/{TOKEN}").send(CRITICAL, "t", "b") == "HTTP 500"
    server.status = 404
    assert sender(f"ntfy://127.0.0.1:{server.port}/topic").send(CRITICAL, "t", "b") == "HTTP 404"
    refused = sender(f"json://127.0.0.1:{free_port()}/{TOKEN}").send(CRITICAL, "t", "b")
    assert refused == "connection refused"
    mail.refuse = "550 not from you"
    url = f"mailto://user:{TOKEN}@127.0.0.1:{mail.port}?smtp=127.0.0.1&from=tui@example.com&to=op@example.com&mode=insecure"
    assert sender(url).send(CRITICAL, "t", "b") == "the mail server said 550"


def test_a_service_that_does_not_answer_is_left_after_the_timeout(server: NotificationServer) -> None:
    import threading

    server.hold = threading.Event()
    assert sender(f"json://127.0.0.1:{server.port}/x", timeout_ms=200).send(CRITICAL, "t", "b") == "no answer in time"


@pytest.mark.parametrize(
    "url", ["bogus://x", f"slack://{TOKEN}", "json://", "https://no.such.service.example/x", "://"]
)
def test_a_url_of_no_service_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=UNKNOWN_SERVICE) as error:
        sender(url)
    assert url not in str(error.value)


def test_no_secret_reaches_any_log_at_any_level(
    server: NotificationServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from apprise.plugins.discord import NotifyDiscord
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{server.port}/services")
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{free_port()}/api/webhooks")

    class Everything(logging.Handler):
        def __init__(self) -> None:
            super().__init__(1)
            self.texts: list[str] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.texts.append(record.getMessage())

    root, everything = logging.getLogger(), Everything()
    level = root.level
    root.addHandler(everything)
    root.setLevel(1)
    try:
        for status in (200, 403, 500):
            server.status = status
            for url in (SLACK, DISCORD, f"json://u:{TOKEN}@127.0.0.1:{server.port}/{TOKEN}", f"bogus://{TOKEN}"):
                try:
                    said = sender(url).send(CRITICAL, "title", "body")
                except ValueError as e:
                    said = str(e)
                everything.texts.append(said)
        logging.getLogger("proof").debug("this handler hears the lowest level")
    finally:
        root.removeHandler(everything)
        root.setLevel(level)
    assert "this handler hears the lowest level" in everything.texts
    out, err = capfd.readouterr()
    for text in (*everything.texts, out, err):
        assert TOKEN not in text
        assert "A1BRTD4JD" not in text


def test_a_repr_shows_the_masked_name() -> None:
    assert repr(sender(SLACK)) == "AlertSender(slack://... (target 1))"
