"""Lives made to be hard on what holds a connection and a run together: our clock, the first reads, long silences, rules that change, an observer.

Longer than other trials where half a minute has to pass before something is late. Decides nothing about what is red.

    "+clock"     our clock is set back, by seconds or an hour, and stays there a while
    "+session"   reads of one dex fail, acks and snapshots come late, again and again from the first word on
    "+silence+"  oracle prices stay away for longer than a connection is believed
    "+rules"     what is listed changes, and the program starts anew
    "+keys"      orders that wait in the queue for a tick, and all keys, all the time
    "+ends"      orderly stops, and new starts that are told to stop or to go on at once
    "+key"       the key's approval has an end in sight
    "+observe"   observation mode: others trade, the operator presses every key
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from core.engine.machines import Machines
from core.model.rounding import round_price, round_size
from core.sim.world.plan import Plan, Planned
from core.sim.world.program import AGENT
from core.sim.world.troubles import ALL_TROUBLES, Strike
from core.sim.world.world import ACCOUNT, World

SESSION_KINDS = ("+clock", "+session", "+silence+", "+rules", "+observe", "+keys", "+key", "+ends")


def _is_silent(m: Machines) -> bool:
    return m.link.connected and m.link.market_at_ms is not None and m.now - m.link.market_at_ms > 10_000


_MOMENTS: dict[str, tuple[Callable[[Machines], object], tuple[str, ...]]] = {
    "a post is out": (lambda m: m.posts.open_ids(), ("lose_reply", "lose_request")),
    "an order is looked for": (lambda m: m.lookups.all(), ("lose_request", "lose_reply", "drop_after_execution")),
    "an exit waits": (lambda m: m.flattener.is_active and not m.posts.open_ids(), ("lose_request", "thin_book")),
    "an entry waits": (lambda m: m.scheduler.depths[2] and m.posts.open_ids(), ("lose_reply", "lose_request")),
    "a cancel is wanted": (lambda m: m.cancels.wanted, ("foreign_order", "lose_request")),
    "the program stops": (lambda m: m.stopping, ("deaf", "reads_lost", "lose_request")),
    "prices are missing": (_is_silent, ("long_silence",)),
    "fills are missing": (
        lambda m: any(o.status.is_terminal for o in m.orders.unsettled()),
        ("skip_fill_frame", "fill_delay"),
    ),
}
"""When a step of the clock hurts, and what makes that moment last."""


def _set_back(world: World, dice: Random) -> str:
    """By so much that whatever waits for a time of ours would wait long, and at a bad moment; put right after a while, in most lives."""
    when = dice.choice(list(_MOMENTS))
    condition, makes_it_last = _MOMENTS[when]
    ms, until_ms = dice.choice((20_000, 600_000, 3_600_000)), world.agenda.now_ms + 20_000

    def look() -> None:
        if world.is_calm or world.agenda.now_ms > until_ms or world.skew_ms < 0:
            return
        if world.engine is None or not condition(world.engine.machines):
            world.agenda.after(20, look)
            return
        world.mark("trouble clock_step")
        world.step_clock(-ms)
        world.tell(f"trouble: our clock is set back by {ms} ms, while {when}")

    look()
    if when == "the program stops" and dice.random() < 0.5:
        world.operator.shut_down()
    trouble = dice.choice(makes_it_last)
    return f"our clock will be set back while {when}; {ALL_TROUBLES[trouble](world, dice)}"


def _late_words(world: World, dice: Random) -> str:
    """What the account says first comes late, on the next connection."""
    channel, ms = dice.choice(("orderUpdates", "userFills", "activeAssetCtx", "bbo")), dice.randint(1_000, 14_000)
    command = {"do": "fault", "name": "silent_channels", "for_ms": ms, "channels": [channel]}
    world.exchange.control(command, world.agenda.now_ms)
    world.hinder(ms)
    world.road.cut()
    return f"the connection breaks, and {channel} is silent for {ms} ms"


def _one_read_fails(world: World, dice: Random) -> str:
    """One kind of question about one dex gets no answer, and the connection is made anew meanwhile."""
    dex, ms = dice.choice(world.plan.config.markets).key.dex, dice.randint(2_000, 20_000)
    what = dice.choice(("clearinghouseState", "openOrders", "frontendOpenOrders", "meta"))
    command = {"do": "fault", "name": "dex_reads_fail", "dex": dex, "answer": "502", "for_ms": ms, "requests": [what]}
    world.exchange.control(command, world.agenda.now_ms)
    world.hinder(ms)
    if dice.random() < 0.6:
        world.road.cut()
    return f"{what} of the dex {dex!r} fails for {ms} ms"


def _first_reads_fail(world: World, dice: Random) -> str:
    """The next questions fail, those of a new connection or of a new start."""
    count = dice.randint(2, 9)
    command = {"do": "fault", "name": "http_502", "road": "info", "count": count}
    world.exchange.control(command, world.agenda.now_ms)
    if dice.random() < 0.5:
        world.road.cut()
    else:
        world.program.kill_soon(0, 0)
    return f"the next {count} questions fail, on a new connection or a new start"


def _late_ack(world: World, dice: Random) -> str:
    """The first words of a new connection come after those that follow them."""
    ms, count = dice.randint(2_000, 9_000), dice.randint(1, 2)
    world.exchange.control({"do": "fault", "name": "reorder_frames", "ms": ms, "count": count}, world.agenda.now_ms)
    world.hinder(ms)
    world.road.cut()
    return f"the connection breaks, and the first {count} words of the next come {ms} ms late"


def _delist(world: World, dice: Random) -> str:
    """One market of several, with nothing held there and nothing under way."""
    venue, coins = world.exchange.venue, [m.coin for m in world.plan.config.markets]
    listed = [c for c in coins if not venue.universe.by_coin[c].spec.is_delisted]
    account = venue.accounts[world.plan.account]
    idle = [c for c in listed if not account.szi(venue.universe.by_coin[c])]
    if len(listed) < 2 or not idle or venue.open_orders(world.plan.account):
        return "nothing"
    coin = dice.choice(idle)
    command = {"do": "fault", "name": "change_spec", "coin": coin, "changes": {"is_delisted": True}}
    world.exchange.control(command, world.agenda.now_ms)
    return f"{coin} is delisted"


def _foreign_position(world: World, dice: Random) -> str:
    """Others open a position, and close it after some seconds: of an observer's life, who closes nothing."""
    coin = dice.choice(world.plan.config.markets).coin
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    if mid is None or world.exchange.venue.accounts[world.plan.account].szi(
        world.exchange.venue.universe.by_coin[coin]
    ):
        return "nothing"
    px = round_price(mid * Decimal("1.01"), True, spec.sz_decimals)
    size = round_size(Decimal("11.5") / px, spec.sz_decimals)
    if size * px < 10:
        return "nothing"

    def close() -> None:
        account = world.exchange.venue.accounts[world.plan.account]
        if any(account.szi(world.exchange.venue.universe.by_coin[m.coin]) for m in world.plan.config.markets):
            world.tell(world.stranger.close(dice))
            world.agenda.after(1_000, close)

    world.agenda.after(dice.randint(2_000, 12_000), close)
    return world.stranger.send(spec, True, px, size, reduce_only=False, tif="Ioc")


def _key_with_an_end(world: World, dice: Random) -> str:
    """The agent's approval ends soon: some of these lives come by the hour or the ten minutes before it, and none by its end."""
    ms = dice.choice((605_000, 620_000, 640_000, 3_610_000, 86_410_000))
    world.exchange.venue.approve_agent(ACCOUNT, AGENT.address, "agent", world.agenda.now_ms + ms)
    return f"our agent's approval ends in {ms} ms"


def _shut_down(world: World, dice: Random) -> str:
    """An orderly stop; the program starts again two seconds after its end."""
    if world.engine is None:
        return "nothing"
    world.operator.shut_down()
    return "an orderly stop"


def _stop_at_once(world: World, dice: Random) -> str:
    """The program is killed, and the next is told to stop before or while it reads what there is; or the latch of the last is to be released."""
    world.program.kill_soon(0, 0)
    after_ms, resets, until_ms = dice.choice((1, 20, 100, 500)), dice.random() < 0.5, world.agenda.now_ms + 20_000
    life = world.life

    def look() -> None:
        if world.is_calm or world.agenda.now_ms > until_ms:
            return
        if world.engine is None or world.life == life:
            world.agenda.after(10, look)
        else:
            world.agenda.after(after_ms, tell)

    def tell() -> None:
        if world.engine is None or world.is_calm:
            return
        if resets:
            world.operator.reset()
            world.agenda.after(20, lambda: world.operator.reset() if world.engine is not None else None)
        else:
            world.operator.shut_down()

    look()
    return f"our program will be killed, and the next be told {'to go on' if resets else 'to stop'} at once"


SESSION_TROUBLES: dict[str, Strike] = {
    "set_back": _set_back,
    "late_words": _late_words,
    "one_read_fails": _one_read_fails,
    "delist": _delist,
    "first_reads_fail": _first_reads_fail,
    "late_ack": _late_ack,
    "shut_down": _shut_down,
    "stop_at_once": _stop_at_once,
    "key_with_an_end": _key_with_an_end,
    "foreign_position": _foreign_position,
}

_CLOCK = [
    "set_back",
    "set_back",
    "lose_reply",
    "lose_request",
    "foreign_order",
    "sends_fail",
    "outside_fault",
    "silent_channels",
    "slow",
]
_SESSION = [
    "first_reads_fail",
    "late_ack",
    "late_ack",
    "first_reads_fail",
    "late_words",
    "one_read_fails",
    "info_down",
    "reads_lost",
    "cut",
    "stall",
    "slow",
    "venue_closed",
    "stale_clearinghouse",
]
_SILENCE = ["long_silence", "stall", "cut", "late_words", "reads_lost"]
_RULES = ["change_spec", "change_spec", "delist", "crash", "cut", "info_down", "stall"]
_OBSERVE = [
    "foreign_order",
    "foreign_position",
    "foreign_position",
    "cut",
    "outside_fault",
    "crash",
    "stall",
    "change_spec",
    "reads_lost",
]
_KEY = ["cut", "crash", "stall", "lose_reply"]
_KEYS = ["crash", "lose_reply", "cut", "foreign_order", "outside_fault"]
_ENDS = [
    "shut_down",
    "shut_down",
    "stop_at_once",
    "stop_at_once",
    "by_hand",
    "foreign_order",
    "outside_fault",
    "fill_delay",
    "stale_open_orders",
    "lose_reply",
    "lose_request",
    "cut",
    "info_down",
    "slow",
    "halt",
]
_HANDS = {
    "ends": _ENDS,
    "key": _KEY,
    "keys": _KEYS,
    "clock": _CLOCK,
    "session": _SESSION,
    "silence+": _SILENCE,
    "rules": _RULES,
    "observe": _OBSERVE,
}
_WEATHER_MS = {"clock": 60_000, "silence+": 120_000, "rules": 150_000}


def weather_of(kind: str, default_ms: int) -> int:
    return _WEATHER_MS.get(kind, default_ms)


def hand_of(kind: str) -> list[str]:
    return _HANDS[kind]


def made_for(plan: Plan, kind: str, dice: Random, config: Any) -> Plan:
    """What only a kind of these has: its mode, when the clock is put right, and fingers on the keys."""
    if kind == "observe":
        config = replace(config, mode="observation")
    if kind == "clock" and dice.random() < 0.5:
        config = replace(config, execution=replace(config.execution, inflight_limit=1, inflight_high_watermark=1))
    if kind == "key":
        safety = replace(config.safety, testnet_only=True)
        return replace(
            plan,
            config=replace(config, safety=safety),
            troubles=(Planned(0, "key_with_an_end"), *plan.troubles),
        )
    if kind == "keys":
        waits = replace(
            config.execution, dispatch="tick", tick_interval_ms=dice.choice((250, 500, 900)), time_stop_ms=2_000
        )
        if dice.random() < 0.5:
            waits = replace(waits, inflight_limit=1, inflight_high_watermark=1)
        return replace(plan, config=replace(config, execution=waits), operator_every_ms=dice.choice((400, 900)))
    return replace(
        plan,
        config=config,
        clock_mended_ms=dice.choice((25_000, 45_000, None)) if kind == "clock" else None,
        operator_every_ms=dice.choice((3_000, 8_000)) if kind in ("observe", "clock") else 0,
    )
