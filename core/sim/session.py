"""One WebSocket connection as the venue sees it: frames in, frames out, what it subscribed to.

Reads a client's frame and answers it, or hands a post back to be carried out. Opens no socket. Easy to get wrong: a post without an id is
answered on the error channel, not with a post response, and so is one beyond the limit of unanswered posts.

PROTOCOL 6.1 to 6.4, 6.7.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from core.sim.admission import WireFailure
from core.sim.subscriptions import Subscription, compact
from core.sim.wire import Json

IDLE_MS = 60_000
"""The venue drops a connection to which it has sent nothing for this long."""


class Post(Struct, frozen=True):
    """A request that came over the socket and awaits its answer."""

    id: int
    kind: str
    """info or action."""
    payload: Any
    ip: str = ""
    """Where it came from; its connection may be gone when it ends."""


class Frame(Struct, frozen=True):
    """A client's frame that could be read: a ping, a subscribe, an unsubscribe, or a post."""

    method: str
    subscription: Any = None
    post: Post | None = None


class Session:
    """The state of one connection."""

    def __init__(self, send: Callable[[str], None], now_ms: int, ip: str = "") -> None:
        """
        Args:
            send: Takes a frame's text and must not block.
            ip: Whose limits it shares.
        """
        self._send = send
        self.ip = ip
        self.last_sent_ms = now_ms
        self.subscriptions: dict[str, Subscription] = {}

    def send(self, frame: Json, now_ms: int) -> None:
        self.send_text(compact(frame), now_ms)

    def send_text(self, text: str, now_ms: int) -> None:
        self.last_sent_ms = now_ms
        self._send(text)

    def send_error(self, text: str, now_ms: int) -> None:
        self.send({"channel": "error", "data": text}, now_ms)

    def is_idle(self, now_ms: int, after_ms: int = IDLE_MS) -> bool:
        return now_ms - self.last_sent_ms >= after_ms


def read_frame(text: str) -> Frame | None:
    """A client's frame, or None when the venue cannot make sense of it."""
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    match raw.get("method"):
        case "ping":
            return Frame("ping")
        case "subscribe" | "unsubscribe" as method if "subscription" in raw:
            return Frame(method, subscription=raw["subscription"])
        case "post":
            number, request = raw.get("id"), raw.get("request")
            if not isinstance(number, int) or isinstance(number, bool) or number < 0 or not isinstance(request, dict):
                return None
            if request.get("type") not in ("info", "action"):
                return None
            return Frame("post", post=Post(number, request["type"], request.get("payload")))
    return None


def answer_frame(post: Post, payload: Any) -> Json:
    """The response to a post that was carried out (or refused in JSON)."""
    body = {"type": post.payload["type"], "data": payload} if post.kind == "info" else payload
    return {"channel": "post", "data": {"id": post.id, "response": {"type": post.kind, "payload": body}}}


def failure_frame(post: Post, failure: WireFailure) -> Json:
    """The response to a post that failed below the JSON answers; its text mirrors the HTTP failure."""
    return error_frame(post, f"{failure.status} {HTTPStatus(failure.status).phrase}: {failure.text}")


def error_frame(post: Post, text: str) -> Json:
    """The response to a post that nobody understood or carried out."""
    return {"channel": "post", "data": {"id": post.id, "response": {"type": "error", "payload": text}}}
