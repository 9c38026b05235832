"""Sends one message to one notification URL through apprise, and says why not.

Blocks for as long as the service takes, within the timeout of each step: for a thread of its own. Decides nothing.
Rule that is easy to get wrong: what the library logs, at any level, holds URLs with their tokens, answers and payloads. Its loggers
are therefore cut off from ours, and of what it says only a known reason is taken, never its text.

SPEC 8 (AlertService), 5 (secrets).
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Any

from core.messages.effects import Severity
from core.runtime.alert_urls import AlertUrl

UNKNOWN_SERVICE = "no notification service that we know has such a URL"

_KIND = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}

_REASONS = (
    (r"timed? ?out", "no answer in time"),
    (r"refused", "connection refused"),
    (r"name or service|name resolution|nodename|getaddrinfo|resolve", "the host's name is not known"),
    (r"certificate|ssl", "no secure connection: the certificate is not accepted"),
    (r"unreachable|no route", "the network cannot be reached"),
    (r"reset|closed|aborted|disconnected|broken pipe", "the connection was cut"),
    (r"authentication (failed|unsuccessful)|username and password", "the name or password is not accepted"),
    (r"unauthori|forbidden", "the service does not accept the token"),
    (r"page not found|not found", "the service does not know this address"),
)
_HTTP = re.compile(r"error\s*[=:]\s*(\d{3})\b")
_SMTP = re.compile(r"\((\d{3}), b['\"]")
_NO_REASON = "the service did not take it"


class _Overheard(logging.Handler):
    """What the library logs, kept by thread and only for as long as one sending takes."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._texts: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        texts = self._texts.get(record.thread or 0)
        if texts is not None and len(texts) < 50:
            try:
                texts.append(record.getMessage().lower())
            except Exception:
                texts.append(
                    ""
                )  # a log call of the library's that does not fit its own format: nothing to learn from it

    def begin(self) -> None:
        self._texts[threading.get_ident()] = []

    def end(self) -> list[str]:
        return self._texts.pop(threading.get_ident(), [])


_overheard = _Overheard()
_hush = threading.Lock()


def hush_library() -> None:
    """Let nothing of what apprise and what it uses log reach our log. Safe to call again."""
    with _hush:
        apprise = logging.getLogger("apprise")
        apprise.propagate = False
        apprise.setLevel(logging.DEBUG)
        apprise.handlers[:] = [_overheard]
        for name in (
            "urllib3",
            "requests",
            "requests_oauthlib",
            "oauthlib",
            "charset_normalizer",
            "markdown",
            "MARKDOWN",
        ):
            other = logging.getLogger(name)
            other.propagate = False
            other.handlers[:] = [logging.NullHandler()]


class AlertSender:
    """One target. Making it loads the library, about a second of work the first time."""

    def __init__(self, url: AlertUrl, timeout_ms: int) -> None:
        """Look up the service that the URL belongs to.

        Raises:
            ValueError: There is none. The text does not quote the URL.
        """
        import apprise

        hush_library()
        self._name = url.name
        self._plugin: Any = None
        try:
            self._plugin = apprise.Apprise.instantiate(url.reveal(), suppress_exceptions=True)
        except Exception as e:  # the library's own slip on a URL it cannot take apart
            raise ValueError(f"{UNKNOWN_SERVICE} ({type(e).__name__})") from None
        if self._plugin is None:
            raise ValueError(UNKNOWN_SERVICE)
        self._plugin.socket_connect_timeout = self._plugin.socket_read_timeout = timeout_ms / 1000

    def __repr__(self) -> str:
        return f"AlertSender({self._name})"

    def send(self, severity: Severity, title: str, body: str) -> str:
        """Send; return why it was not delivered, empty when it was."""
        _overheard.begin()
        try:
            taken = bool(self._plugin.notify(body=body, title=title, notify_type=_KIND[severity]))
            trouble = ""
        except Exception as e:
            taken, trouble = False, type(e).__name__
        finally:
            said = _overheard.end()
        return "" if taken else _reason(said) or trouble or _NO_REASON


def _reason(said: list[str]) -> str:
    """A reason of ours for what the library said; never its own words, for they quote URLs."""
    for text in said:
        if status := _HTTP.search(text):
            return f"HTTP {status[1]}"
        if status := _SMTP.search(text):
            return f"the mail server said {status[1]}"
    for text in said:
        for pattern, reason in _REASONS:
            if re.search(pattern, text):
                return reason
    return ""
