"""Typed truth for checkers: items and results of actions, positions, fills and resting orders; and actions nobody signed."""

from __future__ import annotations

from decimal import Decimal

from core.sim.action_log import MOST_ENTRIES, MOST_ITEMS, ActionEntry, ActionLog, entry

OTHER_USER = "0x14791697260e4c9a71f18484c9f997b308e59325"
CLOID = "0x0000000000000000000000000000abcd"


def raw_order(px, sz="0.05", *, is_buy=True, reduce_only=False, tif="Ioc", a=110016, **more):
    return {"a": a, "b": is_buy, "p": px, "s": sz, "r": reduce_only, "t": {"limit": {"tif": tif}}, **more}


def last(desk):
    return desk.exchange.actions[-1]


def test_items_and_results_of_a_batch(desk):
    orders = [raw_order("1700", c=CLOID), raw_order("1600", tif="Gtc"), raw_order("1600", a=999)]
    desk.send({"type": "order", "orders": orders, "grouping": "na"}, expires=desk.now_ms + 5_000)
    entry = last(desk)
    assert (entry.kind, entry.items, entry.expires_after, entry.user) == ("order", 3, desk.now_ms + 5_000, desk.user)
    taken, resting, unknown = entry.orders
    assert (taken.coin, taken.is_buy, taken.px, taken.sz) == ("xyz:SNDK", True, Decimal(1700), Decimal("0.05"))
    assert (taken.reduce_only, taken.tif, taken.cloid) == (False, "Ioc", CLOID)
    assert (taken.result.filled_sz, taken.result.avg_px, taken.result.error) == (Decimal("0.05"), Decimal(1699), None)
    assert resting.result.is_resting
    assert resting.result.oid == taken.result.oid + 1
    assert unknown.coin is None
    assert "not listed" in unknown.result.error


def test_a_refused_action_keeps_its_items_without_results(desk):
    desk.send({"type": "order", "orders": [raw_order("1700")], "grouping": "na"}, nonce=1)
    entry = last(desk)
    assert entry.error.startswith("Invalid nonce")
    assert [(o.coin, o.result) for o in entry.orders] == [("xyz:SNDK", None)]


def test_a_collapsed_batch_gives_every_item_the_one_error(desk):
    desk.control(do="fault", name="collapse_batch")
    desk.send({"type": "order", "orders": [raw_order("1700"), raw_order("1701")], "grouping": "na"})
    assert {o.result.error for o in last(desk).orders} == {"Order has invalid size. asset=110016"}


def test_cancels_by_oid_and_cloid(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": oid}, {"a": 110016, "o": 1}]})
    done, gone = last(desk).cancels
    assert (done.oid, done.coin, done.result.error) == (oid, "xyz:SNDK", None)
    assert "never placed" in gone.result.error
    desk.send({"type": "cancelByCloid", "cancels": [{"asset": 110016, "cloid": CLOID}]})
    assert last(desk).cancels[0].cloid == CLOID


def test_positions_fills_and_resting_orders_by_user(desk):
    venue = desk.exchange.venue
    assert venue.position(desk.user, "xyz:SNDK") is None
    assert venue.position("0x" + "a" * 40, "xyz:SNDK") is None
    desk.order(True, "1700", "0.05")
    desk.order(True, "1600", "0.05", tif="Gtc", cloid=CLOID)
    desk.order(True, "1601", "0.05", tif="Gtc")
    assert venue.position(desk.user, "xyz:SNDK").szi == Decimal("0.05")
    assert [p.coin for p in venue.positions(desk.user)] == ["xyz:SNDK"]
    assert [f.sz for f in venue.fills_of(desk.user)] == [Decimal("0.05")]
    assert [o.limit_px for o in venue.open_orders(desk.user)] == [Decimal(1601), Decimal(1600)]
    assert venue.open_orders(desk.user, "") == []
    assert venue.open_orders(OTHER_USER) == []
    desk.pin(bid="1500", ask="1501")
    desk.later()
    assert venue.open_orders(desk.user) == []
    assert len(venue.fills_of(desk.user)) == 3


def test_an_action_somebody_vouches_for_needs_no_signature(desk):
    agent = "0x" + "b" * 40
    desk.control(do="approve_agent", user=desk.user, agent=agent)
    nothing = {"r": "0x0", "s": "0x0", "v": 27}
    action = {"type": "order", "orders": [raw_order("1700")], "grouping": "na"}
    envelope = desk.exchange.decode({"action": action, "nonce": desk.next_nonce(), "signature": nothing})
    assert desk.exchange.submit(envelope, desk.now_ms).reply == {
        "status": "err",
        "response": "Unable to recover signer.",
    }
    submission = desk.exchange.submit(envelope, desk.now_ms, verified_signer=agent)
    assert (submission.reply["status"], submission.user) == ("ok", desk.user)
    again = desk.exchange.submit(envelope, desk.now_ms, verified_signer=agent)
    assert "duplicate nonce" in again.reply["response"]
    stranger = desk.exchange.submit(envelope, desk.now_ms, verified_signer="0x" + "c" * 40)
    assert "does not exist" in stranger.reply["response"]


def some(items=1, *, error=None, statuses=None, kind="order"):
    return ActionEntry(1, 1, None, None, kind, items, error, statuses)


def test_the_log_is_bounded_by_actions_and_by_what_is_in_them_and_counts_all():
    log = ActionLog()
    for _ in range(MOST_ENTRIES + 5):
        log.add(some())
    assert (len(log), log.received) == (MOST_ENTRIES, MOST_ENTRIES + 5)
    for _ in range(2 * MOST_ITEMS // 200):
        log.add(some(200))
    assert (len(log), sum(e.items for e in log)) == (MOST_ITEMS // 200, MOST_ITEMS)
    assert log[-1].items == 200


def test_what_was_refused_is_counted_for_good():
    log = ActionLog()
    log.add(some(error="no"))
    log.add(some(2, statuses=[{"error": "tick"}, {"resting": {"oid": 1}}]))
    log.add(some(2, statuses=["success", {"error": "gone"}], kind="cancel"))
    assert (log.received, log.refused, log.orders_rejected) == (3, 1, 1)


def test_a_refusal_that_repeats_what_a_client_sent_is_cut(desk):
    envelope = desk.exchange.decode(desk.envelope({"type": "noop"}))
    told = entry(desk.exchange.venue.universe, envelope, 1, None, None, "x" * 100_000, None)
    assert told.error == "x" * 500
