"""One test alert to every target at once, and what became of it. Each gets one attempt: who tests wants to know how it is now."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from core.messages.effects import Severity
from core.runtime.alert_sender import AlertSender
from core.runtime.alert_urls import AlertUrl

TITLE = "hip3-tui: test alert"
_STEPS = 6
"""A sending is a few steps (connect, greet, send, answer), each with the timeout; the whole is bounded by this many."""
_LOADING_S = 15.0
"""For the library, on a machine that has other things to do."""


def send_test_alerts(urls: Sequence[AlertUrl], timeout_ms: int, network: str) -> list[tuple[str, str]]:
    """Send; wait for all of them within a bound.

    Returns:
        For each target its masked name and why it was not delivered, empty when it was.
    """
    body = f"Sent by alert-test; the config trades on {network}. Whoever reads this will be told of hard stops here."
    why = {url.number: "no answer in time" for url in urls}

    def send(url: AlertUrl) -> None:
        try:
            why[url.number] = AlertSender(url, timeout_ms).send(Severity.INFO, TITLE, body)
        except ValueError as e:
            why[url.number] = str(e)

    threads = [threading.Thread(target=send, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LOADING_S + _STEPS * timeout_ms / 1000)
    return [(url.name, why[url.number]) for url in urls]
