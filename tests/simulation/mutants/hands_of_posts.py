"""Lives that are hard on what keeps posts, answers and orders in order: kinds of trials and their troubles.

    "+posts"   nothing leaves for a while, actions wait before the venue, its index lies behind, answers vanish, a write fails after all
    "+words"   everything is refused, in each of the venue's own words, and carried out behind an error
    "+book"    orders by hand and of others rest in the book, end unseen, and are listed late

Rule that is easy to get wrong: what these troubles do, a venue and a socket really do; where our own outside promises something (a send
that failed is never spoken of as an entry's), they keep that promise.
"""

from __future__ import annotations

from random import Random
from typing import Any

from core.messages.events import PostNotSent, PostSent
from core.model.order import Orders, OrderStatus
from core.sim.budget import cap
from core.sim.world.troubles import Strike, _fault
from core.sim.world.world import World

REFUSALS = (
    "Order could not immediately match against any resting orders.",
    "Reduce only order would increase position.",
    "Post only order would have immediately matched, bbo was 1@2.",
    "No liquidity available for market order.",
    "Order would increase open interest while open interest is capped",
    "Only post-only orders allowed immediately after network upgrade",
    "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $12.00.",
    "Action already expired",
    "Invalid nonce: duplicate nonce 1705000000000",
    "User or API Wallet 0x0000000000000000000000000000000000000009 does not exist.",
    "Must deposit before performing actions. User: 0x0000000000000000000000000000000000000009",
    "Unable to recover signer.",
    "Insufficient margin to place order.",
)
"""What the venue says when it does not do what was asked (PROTOCOL 10)."""

OF_ACTIONS = (*REFUSALS, "Order must have minimum value of $10.")
"""Said of an order, the last would be our own fault."""

ENDS = (
    "iocCancelRejected",
    "reduceOnlyRejected",
    "badAloPxRejected",
    "minTradeNtlRejected",
    "marketOrderNoLiquidityRejected",
    "openInterestIncreaseRejected",
    "positionIncreaseAtOpenInterestCapRejected",
    "perpMarginRejected",
    "holdingPattern",
    "somethingNewRejected",
    "lunarCanceled",
)
"""Words for how an order ended; the last three nobody knows."""


def _jam(world: World, dice: Random) -> str:
    ms = dice.choice((dice.randint(150, 900), dice.randint(900, 3_500)))
    world.road.jammed_until_ms = world.agenda.now_ms + ms
    world.hinder(ms)
    return f"nothing leaves for {ms} ms"


def _hold(world: World, dice: Random) -> str:
    count, ms = dice.randint(1, 3), dice.choice((1_500, 3_900))
    world.road.hold_actions, world.road.hold_ms = count, ms
    world.hinder(2 * ms)
    return f"the next {count} actions wait up to {ms} ms before the venue"


def _behind(world: World, dice: Random) -> str:
    ms, for_ms = dice.randint(100, 900), dice.randint(3_000, 20_000)
    world.reads.behind_ms, world.reads.behind_until_ms = ms, world.agenda.now_ms + for_ms
    world.hinder(for_ms)
    return f"the index of orders and fills lies {ms} ms behind for {for_ms} ms"


def _vanish(world: World, dice: Random) -> str:
    ms = dice.randint(200, 3_000)
    world.reads.vanish_until_ms = world.agenda.now_ms + ms
    world.hinder(ms + 15_000)  # the engine's own patience with an answer
    return f"what is asked within {ms} ms is never answered"


def _told_twice(world: World, dice: Random) -> str:
    """Of the next post we hear twice that it left."""
    road = world.road

    def tell(post_id: int) -> None:
        del road.tell_sent
        road.tell_sent(post_id)
        world.give(PostSent(post_id))

    road.tell_sent = tell  # type: ignore[method-assign]
    return "of the next post is told twice that it left"


def _fails_after_all(world: World, dice: Random) -> str:
    """The bytes leave, the reply is lost, and the write is said to have failed when the venue has spoken of every entry in it already."""
    road, ms, now_ms = world.road, dice.randint(300, 950), world.agenda.now_ms
    world.exchange.control({"do": "fault", "name": "lose_reply"}, now_ms)
    if dice.random() < 0.6:  # spoken of in a word that nobody knows, and how much was filled comes later
        world.exchange.control({"do": "fault", "name": "odd_status", "text": "holdingPattern"}, now_ms)
        world.exchange.control({"do": "fault", "name": "fill_delay", "ms": 3_000}, now_ms)

    def tell(post_id: int) -> None:
        del road.tell_sent
        life = world.life

        def say() -> None:
            if world.life != life or world.engine is None:
                return
            m = world.engine.machines
            post = m.posts.get(post_id)
            if post is None or not isinstance(post.batch, Orders):
                world.give(PostSent(post_id))
                return
            tracked = [m.orders.get(o.cloid) for o in post.batch.orders if not o.reduce_only]
            spoken = all(o is not None and o.status is not OrderStatus.IN_FLIGHT for o in tracked)
            world.give(PostNotSent(post_id, "the write failed") if spoken else PostSent(post_id))

        world.agenda.after(ms, say)

    road.tell_sent = tell  # type: ignore[method-assign]
    return f"the next write fails after {ms} ms, when the bytes are gone"


def _odd_answer(world: World, dice: Random) -> str:
    """The next answer to orders is one short, or holds an element that nobody knows."""
    road, is_short = world.road, dice.random() < 0.5

    def reply(socket: Any, post: Any, answer: Any) -> None:
        response = answer.get("response") if isinstance(answer, dict) else None
        data = response.get("data") if isinstance(response, dict) else None
        if data and response["type"] == "order":
            del road._reply
            odd = data["statuses"][:-1] if is_short else [{"somethingNew": {}}] * len(data["statuses"])
            answer = {**answer, "response": {**response, "data": {"statuses": odd}}}
            type(road)._reply(road, socket, post, answer)
        else:
            type(road)._reply(road, socket, post, answer)

    road._reply = reply  # type: ignore[method-assign]
    return f"the next answer to orders will be {'one short' if is_short else 'in words nobody knows'}"


def _unlisted(world: World, dice: Random) -> str:
    """An order that rests is missing from the list of open orders once, and unknown by its id for a while."""
    now_ms, count = world.agenda.now_ms, dice.randint(10, 16)
    for command in (
        {"do": "fault", "name": "stale_open_orders", "ms": dice.randint(5_000, 20_000)},
        {"do": "fault", "name": "unknown_oid_once", "count": count},
    ):
        world.exchange.control(command, now_ms)
    world.hinder(count * 1_000)
    world.road.cut()
    return f"the list of open orders will be old, and orders are unknown by id {count} times; the connection breaks"


def _nearly_used(world: World, dice: Random) -> str:
    """Few actions are left to the address; the next reading says so."""
    account = world.exchange.venue.accounts[world.plan.account]
    account.requests_used = cap(account) - dice.randint(195, 215)
    world.road.cut()
    return f"{account.requests_used} actions of the address are used; the connection breaks"


def _stop_twice(world: World, dice: Random) -> str:
    """A hard stop, its reset before the venue could answer, and another one."""
    said, keys = world.stranger.place(dice), world.operator
    first, second = dice.randint(300, 900), dice.randint(10, 200)
    world.agenda.after(first, keys.trip)
    world.agenda.after(first + second, lambda: world.engine and keys.reset())
    world.agenda.after(first + 2 * second, keys.trip)
    return f"{said}; a hard stop, its reset {second} ms later, and another one"


def _refused(name: str, **ranges: tuple[int, int] | tuple[str, ...]) -> Strike:
    """A fault that refuses an exit like any other order, and may leave the address without a budget."""
    fault = _fault(name, **ranges)

    def strike(world: World, dice: Random) -> str:
        world.hinder(15_000)
        return fault(world, dice)

    return strike


POSTS_TROUBLES: dict[str, Strike] = {
    "jam": _jam,
    "hold": _hold,
    "behind": _behind,
    "vanish": _vanish,
    "told_twice": _told_twice,
    "fails_after_all": _fails_after_all,
    "refused_orders": _refused("collapse_batch", level=("order",), text=REFUSALS),
    "refused_action": _refused("collapse_batch", level=("action",), text=OF_ACTIONS),
    "refused_each": _refused("reject_all", for_ms=(200, 1_500), level=("order", "action"), text=REFUSALS),
    "odd_ends": _fault("odd_status", text=ENDS),
    "muted_updates": _fault("mute_order_updates", for_ms=(500, 4_000)),
    "holes": _fault("black_hole", count=(1, 3)),
    "odd_answer": _odd_answer,
    "unlisted": _unlisted,
    "nearly_used": _nearly_used,
    "stop_twice": _stop_twice,
}

POSTS_HANDS: dict[str, tuple[str, ...]] = {
    "posts": (
        "jam",
        "jam",
        "hold",
        "hold",
        "behind",
        "vanish",
        "told_twice",
        "fails_after_all",
        "requests_lost",
        "replies_lost",
        "replies_late",
        "sends_fail",
        "unknown_oid_once",
        "http_executed",
        "post_error",
        "by_hand",
        "skip_fill_frame",
        "muted_updates",
        "duplicate_nonce",
        "holes",
        "cut",
        "nearly_used",
        "budget_used_up",
    ),
    "words": (
        "refused_orders",
        "refused_orders",
        "refused_action",
        "refused_action",
        "refused_each",
        "odd_ends",
        "odd_ends",
        "http_executed",
        "post_error",
        "http_429",
        "by_hand",
        "replies_lost",
        "requests_lost",
        "thin_book",
        "muted_updates",
        "holes",
        "odd_answer",
        "nearly_used",
    ),
    "book": (
        "by_hand",
        "by_hand",
        "by_hand",
        "foreign_order",
        "foreign_exit",
        "stale_open_orders",
        "odd_ends",
        "replies_lost",
        "requests_lost",
        "holes",
        "hold",
        "muted_updates",
        "skip_fill_frame",
        "duplicate_frames",
        "reorder_frames",
        "update_delay",
        "fill_delay",
        "price_gap",
        "cut",
        "crash",
        "vanish",
        "behind",
        "unlisted",
        "stop_twice",
    ),
}
"""By kind. More of a trouble: more often."""

WITH_OPERATOR = ("book",)
"""Kinds in which somebody sits before the console."""
