"""All the rules at once, at random: whatever two traders do, every order is in one place and every dollar is accounted for."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from sim_desk import OTHER_KEY, OTHER_USER, START_MS, TEST_KEY, Desk, limit, trigger

KEYS = {Desk.user: TEST_KEY, OTHER_USER: OTHER_KEY}
HOUR_MS = 3_600_000
GROWTH = Decimal("0.001")


class Life:
    """Two traders who try everything."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.desk = Desk(seed=seed, markets=("xyz:SNDK",), start_ms=START_MS)
        self.done = {}

    def px(self, spread=40):
        mid = self.desk.exchange.venue.markets["xyz:SNDK"].mid_px
        return mid * Decimal(self.dice.randint(10_000 - spread, 10_000 + spread)) / 10_000

    def text(self, px):
        return f"{px.quantize(Decimal('0.1')).normalize():f}"

    def size(self):
        return f"0.{self.dice.randint(10, 400):03d}"

    def order(self):
        tif = self.dice.choice(["Gtc", "Gtc", "Alo", "Ioc"])
        reduce_only = self.dice.random() < 0.2
        return limit(self.dice.random() < 0.5, self.text(self.px()), self.size(), tif=tif, reduce_only=reduce_only)

    def exits(self, is_buy, sz):
        mid = self.px(0)
        above, below = self.text(mid * Decimal("1.004")), self.text(mid * Decimal("0.996"))
        tp, sl = (above, below) if not is_buy else (below, above)
        is_market = self.dice.random() < 0.7
        both = trigger("tp", is_buy, tp, sz, is_market=is_market), trigger("sl", is_buy, sl, sz, is_market=is_market)
        return both[: self.dice.randint(1, 2)]

    def live_oids(self, user):
        return [o.oid for o in self.desk.exchange.venue.open_orders(user)]

    def action(self, user):
        dice = self.dice
        oids = self.live_oids(user)
        oid = dice.choice(oids) if oids else 7
        kind = dice.choice(("order", "order", "group", "position", "modify", "cancel", "leverage", "margin", "stop"))
        if kind == "group":
            parent = self.order() | {"r": False}
            return self.orders([parent, *self.exits(not parent["b"], parent["s"])], "normalTpsl")
        if kind == "position":
            return self.orders(list(self.exits(Decimal(self.desk.szi(user=user)) < 0, "0")), "positionTpsl")
        if kind == "stop":
            return self.orders([self.exits(dice.random() < 0.5, self.size())[0] | {"r": dice.random() < 0.5}], "na")
        if kind == "modify":
            return {"type": "batchModify", "modifies": [{"oid": oid, "order": self.order()}], "a": dice.random() < 0.7}
        if kind == "cancel":
            return {"type": "cancel", "cancels": [{"a": 110016, "o": oid}]}
        if kind == "leverage":
            return {
                "type": "updateLeverage",
                "asset": 110016,
                "isCross": dice.random() < 0.5,
                "leverage": dice.randint(2, 10),
            }
        if kind == "margin":
            usd = dice.randint(-30, 30) * 10**6
            return {"type": "updateIsolatedMargin", "asset": 110016, "isBuy": True, "ntli": usd}
        return self.orders([self.order() for _ in range(dice.randint(1, 3))], "na")

    @staticmethod
    def orders(orders, grouping):
        return {"type": "order", "orders": orders, "grouping": grouping}

    def step(self):
        desk = self.desk
        desk.later(self.dice.choice((70, 140, 700, 3_000)))
        if self.dice.random() < 0.01:
            desk.later(HOUR_MS)
        user = self.dice.choice(tuple(KEYS))
        action = self.action(user)
        reply = desk.send(action, key=KEYS[user], nonce=desk.now_ms)
        self.done.setdefault(action["type"], set()).add(reply["status"])

    def check(self):
        venue = self.desk.exchange.venue
        for user in KEYS:
            listed = venue.open_orders(user)
            resting = {o.oid for o in venue.books["xyz:SNDK"].resting() if o.user == user}
            waiting = {oid for oid, o in venue.triggers.get("xyz:SNDK", {}).items() if o.user == user}
            assert {o.oid for o in listed} == resting | waiting
            assert not resting & waiting
            szi = Decimal(self.desk.szi(user=user))
            for order in listed:
                assert order.is_live
                assert order.is_waiting == (order.oid in waiting)
                assert order.sz > 0 or order.is_position_tpsl
                if order.reduce_only:
                    assert szi != 0, "reduce-only without a position"
                    assert (szi > 0) != order.is_buy
                if order.reduce_only and order.oid in resting:
                    assert order.sz <= abs(szi)
            self.check_money(user, szi)

    def check_money(self, user, szi):
        venue = self.desk.exchange.venue
        fills = list(venue.fills_of(user))
        assert szi == sum(f.sz * (1 if f.is_buy else -1) for f in fills)
        assert len({(f.time, f.coin, f.tid) for f in fills}) == len(fills)
        earned = sum(f.closed_pnl - f.fee for f in fills)
        funding = sum(p.usdc for p in venue.fundings.get(user, ()))
        position = self.desk.position(user=user)
        open_pnl = Decimal(position["unrealizedPnl"]) if position else Decimal(0)
        expected = 1000 + earned + funding + open_pnl
        assert self.desk.account_value(user=user) == pytest.approx(expected, abs=GROWTH)


@pytest.mark.parametrize("seed", range(4))
def test_every_order_is_in_one_place_and_every_dollar_is_accounted_for(seed):
    life = Life(seed)
    for _ in range(350):
        life.step()
        life.check()
    venue = life.desk.exchange.venue
    words = {o["status"] for user in KEYS for o in life.desk.info("historicalOrders", user=user)}
    assert {"filled", "canceled"} <= words
    assert life.done["order"] == {"ok"}
    assert sum(len(venue.fills_of(user)) for user in KEYS) > 50


def test_between_them_the_seeds_meet_every_end_of_an_order():
    words = set()
    for seed in range(4):
        life = Life(seed)
        for _ in range(200):
            life.step()
        words |= {o["status"] for user in KEYS for o in life.desk.info("historicalOrders", user=user)}
    assert words >= {"filled", "canceled", "siblingFilledCanceled", "reduceOnlyCanceled", "badAloPxRejected"}
