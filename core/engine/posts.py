"""PostRequestManager: which posts are open, and the one count of inflight.

A post is opened unsent, marked sent when its bytes are with the socket, and closed once: by its answer, its deadline, a failed send or
a disconnect. Inflight is the number of open posts that were sent; there is no second counter that could drift, and no reset.

SPEC 4, 7; plan 3.4 (PostRequestManager).
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from core.model.cloid import Cloid
from core.model.order import ActionBatch, Cancels


class OpenPost(Struct, frozen=True):
    post_id: int
    nonce: int
    batch: ActionBatch
    opened_at_ms: int
    deadline_ms: int
    expires_after_ms: int | None
    sent_at_ms: int | None = None
    repeats_post: int = 0
    """The earlier post whose signed bytes these are; 0: bytes of its own."""

    @property
    def sent(self) -> bool:
        return self.sent_at_ms is not None

    @property
    def is_repeat(self) -> bool:
        return self.repeats_post != 0


class PostRequestManager:
    def __init__(self) -> None:
        self._open: dict[int, OpenPost] = {}
        self._inflight = 0
        self._last_id = 0
        self.sent_total = 0
        self.completed_total = 0

    def next_id(self) -> int:
        """A post id never used before in this run; it correlates request and answer and has nothing to do with a cloid."""
        self._last_id += 1
        return self._last_id

    def register(self, post: OpenPost) -> None:
        assert post.post_id not in self._open, f"post {post.post_id} is open already"
        assert not post.sent, f"post {post.post_id} is registered as sent"
        self._open[post.post_id] = post

    def mark_as_sent(self, post_id: int, now_ms: int) -> bool:
        """The bytes are with the socket. False when the post is closed already (its deadline was faster)."""
        post = self._open.get(post_id)
        if post is None or post.sent:
            return False
        self._open[post_id] = replace(post, sent_at_ms=now_ms)
        self.sent_total += 1
        self._inflight += 1
        return True

    def close(self, post_id: int) -> OpenPost | None:
        """Take a post out, whatever ended it; inflight falls only if it was sent. None when it is not open."""
        post = self._open.pop(post_id, None)
        if post is not None and post.sent:
            self.completed_total += 1
            self._inflight -= 1
        assert self._inflight == self.sent_total - self.completed_total
        return post

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: a post is waited for no longer than before."""
        self._open = {i: replace(p, deadline_ms=p.deadline_ms - by_ms) for i, p in self._open.items()}

    def overdue(self, now_ms: int) -> list[int]:
        """Posts past their deadline, oldest first."""
        return [p.post_id for p in self._open.values() if now_ms >= p.deadline_ms]

    def open_ids(self) -> list[int]:
        return list(self._open)

    def get(self, post_id: int) -> OpenPost | None:
        return self._open.get(post_id)

    @property
    def inflight(self) -> int:
        return self._inflight

    @property
    def has_unsent(self) -> bool:
        """A post was handed to the outside and has not been reported as sent or failed."""
        return len(self._open) > self._inflight


def cloids_of(batch: ActionBatch) -> tuple[Cloid, ...]:
    """Whose they are; a cancel by oid names none."""
    items = batch.cancels if isinstance(batch, Cancels) else batch.orders
    return tuple(item.cloid for item in items if item.cloid is not None)


def count_of(batch: ActionBatch) -> int:
    """Orders or cancels in it: what the address budget counts."""
    return len(batch.cancels) if isinstance(batch, Cancels) else len(batch.orders)
