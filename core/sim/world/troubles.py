"""What goes wrong in a world, by name. Most are the venue's own faults (core.sim.faults); the rest happens on the road or to us.

Each answers with one line for the story. They strike while the weather lasts and leave nothing behind that could not come to rest.

Issue: the list of faults of "proven by simulation"; LESSONS.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from core.model.rounding import MAX_PERP_DECIMALS

if TYPE_CHECKING:
    from core.sim.world.world import World

_HINDERS = ("post_only", "reject_all", "info_down", "halt", "one_sided", "rate_limited", "refuse_connections")
"""Faults of the venue that keep exits from getting through, or us from learning what became of them."""

_LONG_MS = 600_000
_APPROVED_AFTER_MS = 300_000
_ANY_COIN = ("any",)
_LIES_APART_MS = 60_000

Strike = Callable[["World", Random], str]


def _fault(name: str, **ranges: tuple[int, int] | tuple[str, ...]) -> Strike:
    """A fault of the venue's board; a range of numbers is drawn from, and so is a list of words."""

    def strike(world: World, dice: Random) -> str:
        command: dict[str, Any] = {"do": "fault", "name": name}
        for key, allowed in ranges.items():
            if isinstance(allowed[0], int):
                command[key] = dice.randint(*allowed)
            else:
                command[key] = dice.choice(allowed)
        if command.get("coin") == "any":
            command["coin"] = dice.choice(world.plan.config.markets).coin
        world.exchange.control(command, world.agenda.now_ms)
        if name in _HINDERS:
            world.hinder(command.get("for_ms", 0))
        return " ".join(f"{k}={v}" for k, v in command.items() if k != "do")

    return strike


def _silent(world: World, dice: Random) -> str:
    channels = dice.choice(
        (["bbo"], ["activeAssetCtx"], ["userFills"], ["orderUpdates"], ["orderUpdates", "userFills"], [])
    )
    ms = dice.randint(1_000, 20_000)
    command: dict[str, Any] = {"do": "fault", "name": "silent_channels", "for_ms": ms}
    if channels:
        command["channels"] = channels
    world.exchange.control(command, world.agenda.now_ms)
    return f"{', '.join(channels) or 'all channels'} silent for {ms} ms"


def _empty_once(world: World, dice: Random) -> str:
    # Two such answers in a row are believed, and should be: the second never comes soon after the first.
    now_ms = world.agenda.now_ms
    if now_ms - world.lied_at_ms < _LIES_APART_MS:
        return "nothing"
    world.lied_at_ms = now_ms
    world.exchange.control({"do": "fault", "name": "empty_clearinghouse_once"}, now_ms)
    return "clearinghouseState will answer empty once"


def _cut(world: World, dice: Random) -> str:
    world.road.cut()
    return "the connection breaks"


def _cut_after_post(world: World, dice: Random) -> str:
    world.road.cut_after_posts = 1
    return "the connection will break right after the next post"


def _deaf(world: World, dice: Random) -> str:
    ms = dice.randint(500, 30_000)
    world.road.deaf_until_ms = world.agenda.now_ms + ms
    world.hinder(ms)
    return f"nothing comes down for {ms} ms"


def _slow(world: World, dice: Random) -> str:
    ms, by = dice.randint(1_000, 20_000), dice.randint(200, 4_000)
    until = world.agenda.now_ms + ms
    world.road.slow_until_ms, world.road.slow_by_ms = until, by
    world.reads.slow_until_ms, world.reads.slow_by_ms = until, by
    world.hinder(ms)
    return f"everything takes {by} ms longer for {ms} ms"


def _sends_fail(world: World, dice: Random) -> str:
    world.road.refuse_sends = dice.randint(1, 4)
    return f"the next {world.road.refuse_sends} posts do not leave"


def _venue_closed(world: World, dice: Random) -> str:
    ms = dice.randint(1_000, 25_000)
    world.road.closed_until_ms = world.agenda.now_ms + ms
    world.road.cut()
    world.hinder(ms)
    return f"the connection breaks, and none can be made for {ms} ms"


def _reads_lost(world: World, dice: Random) -> str:
    ms = dice.randint(1_000, 15_000)
    world.reads.lose_until_ms = world.agenda.now_ms + ms
    world.hinder(ms)
    return f"questions get no answer for {ms} ms"


def _stall(world: World, dice: Random) -> str:
    ms = dice.choice((dice.randint(200, 2_000), dice.randint(2_000, 40_000)))
    world.program.stall(ms)
    world.hinder(ms)
    return f"our program stands still for {ms} ms"


def _clock_step(world: World, dice: Random) -> str:
    ms = dice.choice((-1, 1)) * dice.choice(
        (dice.randint(1, 1_500), dice.randint(1_500, 4_000), dice.randint(6_000, 9_000))
    )
    world.step_clock(ms)
    return f"our clock jumps by {ms} ms, to {world.skew_ms} ms off the venue's"


def _crash(world: World, dice: Random) -> str:
    world.program.kill_soon(dice.randint(0, 12), dice.randint(0, 6))
    return "our program will be killed"


def _price_gap(world: World, dice: Random) -> str:
    coin = dice.choice(world.plan.config.markets).coin
    bps = dice.choice((-1, 1)) * dice.randint(20, 400)
    world.exchange.control({"do": "fault", "name": "price_gap", "coin": coin, "bps": bps}, world.agenda.now_ms)
    return f"{coin} jumps by {bps} bps"


def _change_spec(world: World, dice: Random) -> str:
    coin = dice.choice(world.plan.config.markets).coin
    spec = world.exchange.venue.universe.by_coin[coin].spec
    changes: dict[str, Any] = dice.choice(
        (
            {"max_leverage": max(1, spec.max_leverage - 1)},
            {"growth_mode": not spec.growth_mode},
            # Finer: what is held stays a whole number of lots. A perp has six at most.
            {"sz_decimals": min(spec.sz_decimals + 1, MAX_PERP_DECIMALS)},
        )
    )
    if not spec.market.dex:
        changes = {"max_leverage": max(1, spec.max_leverage - 1)}
    command = {"do": "fault", "name": "change_spec", "coin": coin, "changes": changes}
    world.exchange.control(command, world.agenda.now_ms)
    return f"{coin} changes: {changes}"


def _foreign_exit(world: World, dice: Random) -> str:
    return world.stranger.close(dice)


def _foreign_order(world: World, dice: Random) -> str:
    return world.stranger.place(dice)


def _both(first: Strike, second: Strike) -> Strike:
    """A fault that waits to be met, and what makes us come and meet it."""

    def strike(world: World, dice: Random) -> str:
        return f"{first(world, dice)}; {second(world, dice)}"

    return strike


TROUBLES: dict[str, Strike] = {
    "lose_request": _fault("lose_request"),
    "lose_reply": _fault("lose_reply"),
    "late_reply": _fault("late_reply", ms=(200, 12_000)),
    "drop_after_execution": _fault("drop_after_execution"),
    "silent_channels": _silent,
    "mute_order_updates": _fault("mute_order_updates", for_ms=(1_000, 20_000)),
    "duplicate_snapshot": _both(_fault("duplicate_snapshot", count=(1, 3)), _cut),
    "unknown_oid_once": _both(_fault("unknown_oid_once"), _fault("drop_after_execution")),
    "empty_clearinghouse_once": _empty_once,
    "post_only": _fault("post_only", for_ms=(1_000, 15_000)),
    "reject_all": _fault("reject_all", for_ms=(500, 6_000), level=("order", "action")),
    "info_down": _fault("info_down", for_ms=(1_000, 20_000)),
    "cut": _cut,
    "cut_after_post": _cut_after_post,
    "deaf": _deaf,
    "slow": _slow,
    "sends_fail": _sends_fail,
    "venue_closed": _venue_closed,
    "reads_lost": _reads_lost,
    "stall": _stall,
    "clock_step": _clock_step,
    "crash": _crash,
    "foreign_order": _foreign_order,
    "thin_book": _fault("thin_book", percent=(5, 90)),
    "collapse_batch": _fault(
        "collapse_batch", level=("order", "action"), text=("Insufficient margin to place order.", "Too many orders.")
    ),
    "odd_status": _fault("odd_status", text=("holdingPattern", "somethingNewRejected", "lunarCanceled")),
    "stale_open_orders": _both(_fault("stale_open_orders", ms=(500, 10_000)), _cut),
    "stale_clearinghouse": _fault("stale_clearinghouse", ms=(500, 10_000)),
    "fill_delay": _fault("fill_delay", ms=(100, 10_000)),
    "skip_fill_frame": _fault("skip_fill_frame"),
    "duplicate_frames": _fault("duplicate_frames", count=(1, 5)),
    "duplicate_nonce": _fault("duplicate_nonce"),
    "rate_limited": _fault("rate_limited", for_ms=(5_000, 40_000)),
    "halt": _fault("halt", for_ms=(1_000, 20_000), coin=_ANY_COIN),
    "one_sided": _fault("one_sided", for_ms=(1_000, 10_000), coin=_ANY_COIN, side=("bids", "asks")),
    "price_gap": _price_gap,
    "spread_shock": _fault("spread_shock", for_ms=(1_000, 20_000), coin=_ANY_COIN, factor=(2, 40)),
    "change_spec": _change_spec,
    "foreign_exit": _foreign_exit,
}


def _expire_agent(world: World, dice: Random) -> str:
    """Whoever owns the account approves the agent anew when the calm comes; in a long life after some minutes."""
    world.exchange.control({"do": "fault", "name": "expire_agent"}, world.agenda.now_ms)
    if world.plan.clock_mended_ms is None:
        world.hinder(_LONG_MS + world.plan.weather_ms)
    else:
        world.hinder(_APPROVED_AFTER_MS)
        world.agenda.after(_APPROVED_AFTER_MS, world.approve_agent)
    return "our agent's approval ends"


def _server_clock(world: World, dice: Random) -> str:
    name, ms, for_ms = (
        dice.choice(("clock_ahead", "clock_behind")),
        dice.randint(500, 9_000),
        dice.randint(5_000, 40_000),
    )
    world.exchange.control({"do": "fault", "name": name, "ms": ms, "for_ms": for_ms}, world.agenda.now_ms)
    return f"{name} by {ms} ms for {for_ms} ms"


NEWER: dict[str, Strike] = {
    "black_hole": _fault("black_hole"),
    "kill_on_subscribe": _both(_fault("kill_on_subscribe"), _cut),
    "idle_close": _fault("idle_close", ms=(50, 700), for_ms=(1_000, 10_000)),
    "shift_dexs": _fault("shift_dexs"),
    "http_429": _fault("http_429", count=(1, 5), road=("both", "info", "exchange")),
    "http_502": _fault("http_502", count=(1, 3), road=("both", "info", "exchange")),
    "http_500": _fault("http_500", count=(1, 3), road=("both", "info", "exchange")),
    "post_error": _fault("post_error", count=(1, 3)),
    "delay_frames": _fault("delay_frames", ms=(100, 5_000), for_ms=(1_000, 15_000)),
    "reorder_frames": _fault("reorder_frames", ms=(100, 3_000), count=(1, 5)),
    "update_delay": _fault("update_delay", ms=(100, 10_000)),
    "server_clock": _server_clock,
    "expire_agent": _expire_agent,
    "change_fees": _fault("change_fees", factor=(1, 4)),
}
"""Came later, and are drawn from dice of their own: the lives of earlier seeds keep their cards."""


def _by_hand(world: World, dice: Random) -> str:
    return world.operator.hands.place(dice)


def _http_executed(world: World, dice: Random) -> str:
    """What stands before the venue fails when the action is through: the answer is a failure, and it was carried out."""
    name, count = dice.choice(("http_429", "http_502", "http_500")), dice.randint(1, 2)
    command = {"do": "fault", "name": name, "road": "exchange", "executed": True, "count": count}
    world.exchange.control(command, world.agenda.now_ms)
    return f"{count} actions will be carried out and answered with {name}"


def _dex_reads_fail(world: World, dice: Random) -> str:
    dex = dice.choice(world.plan.config.markets).key.dex
    how, ms = dice.choice(("500", "502", "429", "silence")), dice.randint(1_000, 20_000)
    command = {"do": "fault", "name": "dex_reads_fail", "dex": dex, "answer": how, "for_ms": ms}
    world.exchange.control(command, world.agenda.now_ms)
    world.hinder(ms)
    return f"questions about the dex {dex!r} fail with {how} for {ms} ms"


def _storm(name: str, most_ms: int) -> Strike:
    def strike(world: World, dice: Random) -> str:
        ms, for_ms = dice.randint(100, most_ms), dice.randint(1_000, 20_000)
        command = {"do": "fault", "name": name, "ms": ms, "for_ms": for_ms}
        world.exchange.control(command, world.agenda.now_ms)
        world.hinder(for_ms + 2 * ms)
        return f"{name} of {ms} ms for {for_ms} ms"

    return strike


BY_HAND = "by_hand"
NEWEST: dict[str, Strike] = {
    BY_HAND: _by_hand,
    "http_executed": _http_executed,
    "dex_reads_fail": _dex_reads_fail,
    "latency_storm": _storm("latency_storm", 4_000),
    "slow_reads": _storm("slow_reads", 1_500),
}
"""Came last, and are drawn from dice of their own as well."""


def _stop_program(world: World, dice: Random) -> str:
    return world.stops.begin(dice)


def _drop_connections(world: World, dice: Random) -> str:
    every = dice.choice((0, dice.randint(1_000, 10_000)))
    count = dice.randint(2, 4) if every else 1
    command = {"do": "fault", "name": "drop_connections", "count": count, **({"ms": every} if every else {})}
    world.exchange.control(command, world.agenda.now_ms)
    world.hinder(count * every)
    return f"all connections break {count} times" + (f", {every} ms apart" if every else "")


LATEST: dict[str, Strike] = {
    "stop_program": _stop_program,
    "drop_connections": _drop_connections,
    "refuse_connections": _both(_fault("refuse_connections", for_ms=(1_000, 20_000)), _cut),
}
"""And these after them, in the same way."""


def _long_silence(world: World, dice: Random) -> str:
    """Longer than a connection is believed that brings no prices, or on which the account never says its first word."""
    channels = dice.choice((["activeAssetCtx"], ["activeAssetCtx", "bbo"], ["userFills"], []))
    ms, now_ms = dice.randint(32_000, 50_000), world.agenda.now_ms
    if now_ms < world.hindered_until_ms:
        return "nothing"
    command: dict[str, Any] = {"do": "fault", "name": "silent_channels", "for_ms": ms}
    if channels:
        command["channels"] = channels
    world.exchange.control(command, now_ms)
    world.hinder(ms)
    if channels in (["userFills"], []):
        world.road.cut()
    return f"{', '.join(channels) or 'all channels'} silent for {ms} ms"


ALONE: dict[str, Strike] = {"long_silence": _long_silence}
"""In no mixture: there is little else in a life that holds these."""

ALL_TROUBLES = ChainMap(ALONE, LATEST, NEWEST, NEWER, TROUBLES)
