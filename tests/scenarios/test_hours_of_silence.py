"""Hours in which nothing is heard, under a clock that is a number: of a connection that is gone, of a feed that says nothing, of questions
that nobody answers. Nothing is sent into the dark, nothing piles up, and what was open is closed as soon as somebody listens.

SPEC 7, 8; LESSONS L34, L38, L46.
"""

from __future__ import annotations

from decimal import Decimal as D

from engine_rig import SNDK, Rig, orders_of

from core.messages.effects import Post
from core.messages.queries import QueryBook, QueryFills, QueryOpenOrders, QueryPositions
from core.model.order import Orders

HOURS = 6
HOUR_MS = 3_600_000
STEP_MS = 1_000


def exits_of(rig: Rig) -> list[Post]:
    return [p for p in rig.posts if isinstance(p.batch, Orders) and any(o.reduce_only for o in orders_of(p))]


def sizes(rig: Rig) -> tuple[int, ...]:
    """What could pile up in the engine."""
    snapshot = rig.snapshot()
    return (
        len(snapshot.orders),
        len(snapshot.audit),
        sum(q.depth for q in snapshot.queues),
        snapshot.inflight.value,
        len(rig.kept_bytes),
    )


def pass_hours(rig: Rig) -> list[tuple[int, ...]]:
    seen = []
    for _ in range(HOURS):
        rig.advance(HOUR_MS, step=STEP_MS)
        seen.append(sizes(rig))
    return seen


def test_a_connection_that_is_gone_for_hours_with_a_position_open() -> None:
    rig = Rig()
    rig.open_position()
    posts = len(rig.posts)
    rig.disconnect()
    seen = pass_hours(rig)
    assert rig.m.latch.tripped
    assert rig.position() is not None, "what is open is still shown"
    assert len(rig.posts) == posts, "nothing was sent to nobody"
    assert seen[0] == seen[-1] or seen[-1][1] <= max(s[1] for s in seen[:2]) + 50, seen
    assert [s[2:] for s in seen] == [seen[0][2:]] * HOURS, "queues, posts and kept bytes do not grow"
    alerts = rig.alerts()
    assert {"HARD STOP", "flatten failed"} <= set(alerts)
    assert len(alerts) <= HOURS * 60 + 10, "once a minute says enough; who sends them makes one of the repeated"
    rig.connect()
    rig.advance(3_000)
    assert exits_of(rig), "closed as soon as somebody listens"
    rig.fill_post(next(p for p in reversed(rig.posts) if p.post_id in rig.m.posts.open_ids()))
    rig.advance(3_000)
    assert rig.position() is None


def test_a_feed_that_says_nothing_for_hours() -> None:
    """The connection stands, answers come, prices do not: not ready, no entry, and ready again when they do."""
    rig = Rig()
    rig.quotes_live = False
    posts = len(rig.posts)
    seen = pass_hours(rig)
    assert not rig.snapshot().ready.is_ready
    assert rig.dislocate() is None or len(rig.posts) == posts
    assert [s[2:] for s in seen] == [seen[0][2:]] * HOURS
    rig.quotes_live = True
    rig.quote(SNDK)
    rig.advance(10_000)
    assert not rig.m.latch.tripped
    assert rig.snapshot().ready.is_ready
    rig.open_position()
    assert rig.position() is not None


def test_questions_that_nobody_answers_for_hours_do_not_keep_a_position_open() -> None:
    rig = Rig()
    rig.muted = {QueryPositions, QueryOpenOrders, QueryFills, QueryBook}
    rig.open_position()
    rig.advance(31_000)
    assert exits_of(rig), "the time stop asks nobody"
    rig.fill_post(rig.posts[-1])
    rig.advance(200)
    assert rig.position() is None
    seen = pass_hours(rig)
    assert [s[2:] for s in seen] == [seen[0][2:]] * HOURS
    assert not rig.snapshot().ready.is_ready
    assert rig.dislocate() is None
    assert D(rig.snapshot().pnl.exposure_usd) == 0
