"""One connection from open to ready: what is read, what is refused, what is asked again."""

from __future__ import annotations

import pytest
from engine_rig import ACCOUNT, BTC, NVDA, SIGNER, SNDK, SPECS, D, Rig, make_config, make_run, order_of, report_of
from msgspec.structs import replace

from core.config import MarketConfig
from core.messages.effects import Ask, Reconnect, Refuse, Subscribe
from core.messages.events import (
    Connected,
    Disconnected,
    FeesRead,
    OrderOutcome,
    Outcome,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    Subscribed,
    TimeJump,
)
from core.messages.queries import (
    QueryBook,
    QueryFees,
    QueryOpenOrders,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.messages.snapshot import ConnectionPhase, TradingState
from core.model.market import MarketKey
from core.model.order import OrderStatus


def test_a_connection_begins_with_its_questions() -> None:
    rig = Rig(ready=False)
    effects = rig.handle(Connected(1))
    asked = [e.query for e in effects if isinstance(e, Ask)]
    assert asked[:4] == [QuerySpecs("xyz"), QuerySpecs(""), QueryOpenOrders("xyz"), QueryOpenOrders("")]
    assert {QueryFees(), QueryRateLimit(), QueryServerTime()} <= set(asked)


def test_positions_are_asked_only_with_the_fills_in_hand() -> None:
    rig = Rig(ready=False)
    rig.handle(Connected(1))
    rig.advance(3_000)
    assert not [a for a in rig.effects(Ask) if isinstance(a.query, QueryPositions)]
    rig.connect()
    assert [a.query for a in rig.effects(Ask) if isinstance(a.query, QueryPositions)] == [
        QueryPositions("xyz"),
        QueryPositions(""),
    ]


def test_subscribes_once_every_dex_has_told_its_markets() -> None:
    rig = Rig(ready=False)
    rig.muted = {QuerySpecs}
    rig.handle(Connected(1))
    rig.handle(SpecsRead("xyz", (SPECS[SNDK], SPECS[NVDA])))
    assert rig.effects(Subscribe) == []
    rig.handle(SpecsRead("", (SPECS[BTC],)))
    assert rig.effects(Subscribe) == [Subscribe((SNDK, NVDA, BTC))]
    rig.handle(SpecsRead("", (SPECS[BTC],)))
    assert len(rig.effects(Subscribe)) == 1


def test_phases_on_the_way_to_ready() -> None:
    rig = Rig(ready=False)
    assert rig.snapshot().connection.phase is ConnectionPhase.CONNECTING
    rig.connect()
    assert rig.snapshot().connection.phase is ConnectionPhase.SYNCING
    rig.quote()
    rig.advance(100)
    snapshot = rig.snapshot()
    assert snapshot.connection.phase is ConnectionPhase.LIVE
    assert snapshot.state is TradingState.ACTIVE
    rig.disconnect("gone")
    connection = rig.snapshot().connection
    assert (connection.phase, connection.reason) == (ConnectionPhase.RECONNECTING, "gone")


def test_l01_a_pinned_id_that_is_another_market_refuses_and_names_both() -> None:
    pinned = (MarketConfig("xyz:SNDK", asset_idx=110002), MarketConfig("xyz:NVDA"))
    rig = Rig(replace(make_config(), markets=pinned), ready=False)
    rig.connect()
    (refusal,) = rig.effects(Refuse)
    assert refusal.reason == ("xyz:SNDK: asset_idx 110002 is pinned, but the exchange says 110016; 110002 is xyz:NVDA")
    assert rig.effects(Subscribe) == []
    rig.advance(5_000)
    assert rig.posts == []


def test_a_pinned_id_that_fits_is_fine() -> None:
    rig = Rig(replace(make_config(), markets=(MarketConfig("BTC", asset_idx=0),)), ready=False)
    rig.connect()
    assert rig.effects(Refuse) == []
    assert rig.engine.asset_id(BTC) == 0
    assert rig.engine.asset_ids == {BTC: 0}


def test_a_market_that_the_exchange_does_not_list_refuses() -> None:
    rig = Rig(make_config(markets=("xyz:SNDK", "xyz:SNDKK")), ready=False)
    rig.connect()
    assert rig.effects(Refuse)[0].reason == "xyz:SNDKK: the exchange lists no such market on xyz"


def test_l45_a_changed_parameter_stops_and_the_market_stays_stopped() -> None:
    rig = Rig()
    rig.open_position()
    rig.venue.specs[SNDK] = replace(SPECS[SNDK], sz_decimals=2, max_leverage=5)
    rig.advance(61_000)
    stop = rig.snapshot().hard_stop
    assert stop.reason == "parameter change xyz:SNDK: sz_decimals 3 -> 2, max_leverage 10 -> 5"
    assert "restart to take them over" in rig.m.market_gates.judge(rig.m.markets[SNDK], rig.now).blocked


def test_l45_a_parameter_that_changed_while_the_connection_was_down_stops() -> None:
    rig = Rig()
    rig.disconnect()
    rig.venue.specs[SNDK] = replace(SPECS[SNDK], asset_id=110017, index=17)
    rig.ready()
    assert any("asset_id 110016 -> 110017" in t for t in rig.audit("hard stop"))


def test_a_market_that_left_the_universe_stops() -> None:
    rig = Rig()
    del rig.venue.specs[NVDA]
    rig.advance(61_000)
    assert rig.snapshot().hard_stop.reason == "parameter change xyz:NVDA: gone from the universe"


def test_a_delisted_market_is_not_subscribed_and_holds_nothing_up() -> None:
    rig = Rig(ready=False)
    rig.venue.specs[NVDA] = replace(SPECS[NVDA], is_delisted=True)
    rig.connect()
    assert rig.effects(Subscribe) == [Subscribe((SNDK, BTC))]
    rig.quote(SNDK, BTC)
    rig.advance(100)
    assert rig.snapshot().ready.is_ready
    assert rig.market(NVDA).gate == "market risk: delisted"


def test_a_market_without_data_is_left_out_after_10_s_and_comes_back() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryBook}
    rig.quotes_live = False
    rig.connect()
    for _ in range(9):
        rig.quote(SNDK, NVDA)
        rig.advance(1_000)
    assert rig.snapshot().ready.missing == ("bbo of BTC",)
    for _ in range(2):
        rig.quote(SNDK, NVDA)
        rig.advance(1_000)
    assert rig.snapshot().ready.is_ready
    assert rig.market(BTC).left_out
    assert rig.market(BTC).gate.startswith("market risk: left out")
    rig.quote()
    rig.advance(100)
    assert not rig.market(BTC).left_out
    assert any("has data again" in t for t in rig.audit("market"))


def test_no_market_with_data_is_not_ready() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryBook}
    rig.quotes_live = False
    rig.connect()
    rig.advance(12_000)
    assert rig.snapshot().ready.missing == ("no market has data",)


def test_a_quiet_bbo_is_asked_for_before_it_blocks() -> None:
    rig = Rig()
    rig.quotes_live = False
    rig.log.clear()
    rig.advance(7_000)  # the contexts stay fresh for 8 s
    books = [a.query for a in rig.effects(Ask) if isinstance(a.query, QueryBook)]
    assert {q.market for q in books} == {SNDK, NVDA, BTC}
    assert len(books) < 20, "not at every tick"
    assert rig.snapshot().ready.md_ready


def test_a_stale_oracle_takes_ready_away_and_an_update_brings_it_back() -> None:
    rig = Rig()
    rig.quotes_live = False
    rig.advance(8_200)
    assert "oracle of BTC" in rig.snapshot().ready.missing
    rig.quote()
    rig.advance(100)
    assert rig.snapshot().ready.is_ready


def test_l23_silence_behind_an_open_socket_reconnects() -> None:
    rig = Rig()
    rig.quotes_live = False
    rig.advance(29_000)
    assert rig.effects(Reconnect) == []
    rig.advance(3_000)
    assert [e.reason for e in rig.effects(Reconnect)] == ["no market data for 30 s"]


def test_the_accounts_own_fee_is_scaled_per_market() -> None:
    rig = Rig(ready=False)
    rig.venue.specs[SNDK] = replace(SPECS[SNDK], growth_mode=True, fee_scale=D("0.2"))
    rig.ready()
    rig.handle(FeesRead(D("0.0005"), D("0.0001")))
    assert rig.market(SNDK).fee_bps == D(1)
    assert rig.market(NVDA).fee_bps == D(5)
    assert rig.market(SNDK).threshold_bps == D(13)


def test_observation_mode_watches_and_sends_nothing() -> None:
    rig = Rig(make_config(mode="observation", signer=None), ready=False)
    rig.connect()
    rig.quote()
    rig.advance(1_000)
    assert rig.snapshot().state is TradingState.HALTED
    assert rig.dislocate() is None
    assert rig.market(SNDK).last_denial == "not ready: observation mode"
    assert rig.snapshot().tally.signals == 1


def test_an_observer_without_an_account_asks_for_none_and_is_live_with_its_market_data() -> None:
    config = make_config(mode="observation", signer=None)
    rig = Rig(config, ready=False, run=make_run(config, account=""))
    rig.handle(Connected(1))
    rig.quote()
    rig.advance(70_000)
    asked = {type(a.query) for a in rig.effects(Ask)}
    assert asked == {QuerySpecs, QueryServerTime}
    assert rig.snapshot().connection.phase is ConnectionPhase.LIVE
    assert rig.effects(Reconnect) == [], "an account that is not there owes us no first word"


def test_an_observer_without_an_account_asks_for_a_quiet_touch_too() -> None:
    config = make_config(mode="observation", signer=None)
    rig = Rig(config, ready=False, run=make_run(config, account=""))
    rig.handle(Connected(1))
    rig.advance(1_000)
    assert {a.query for a in rig.effects(Ask)} >= {QueryBook(m) for m in (SNDK, NVDA, BTC)}


def test_a_book_answer_of_a_market_that_is_not_ours_teaches_nothing() -> None:
    rig = Rig()
    other = replace(rig.venue.bbo(SNDK, rig.now, from_book=True), market=MarketKey("xyz", "GOLD"))
    assert rig.handle(other) == []
    assert rig.snapshot().ready.is_ready


def test_a_time_jump_before_the_first_subscription_starts_no_watch_over_prices() -> None:
    """Nobody was asked for prices yet: their silence is no reason to connect again."""
    rig = Rig(ready=False)
    rig.muted = {QuerySpecs}
    rig.connect()
    rig.handle(TimeJump(60_000))
    rig.quotes_live = False
    rig.advance(40_000)
    assert rig.effects(Reconnect) == []
    assert rig.snapshot().connection.market_age_ms is None


def test_orders_are_compared_with_the_exchanges_list_now_and_then() -> None:
    """L04: no order update ever came; the list and orderStatus tell."""
    rig = Rig()
    post = rig.enter()
    rig.reply(post, OrderOutcome(Outcome.RESTING, 501))
    rig.venue.known[order_of(post).cloid] = report_of(order_of(post), OrderStatus.CANCELED, 501)
    rig.advance(31_000)
    assert rig.order(order_of(post)).status is OrderStatus.CANCELED
    assert not rig.m.orders.is_busy(SNDK)


# --- who we are ----------------------------------------------------------------------------------------------------------------


def refused_for(account: RoleRead | None = None, signer: RoleRead | None = None) -> list[str]:
    """What start-up says when userRole answers this."""
    rig = Rig(ready=False)
    for role in (account, signer):
        if role is not None:
            rig.venue.roles[role.address] = role
    rig.connect()
    rig.advance(2_000)
    return [e.reason for e in rig.effects(Refuse)]


def test_an_account_and_its_agent_are_accepted() -> None:
    assert refused_for() == []
    assert refused_for(signer=RoleRead(SIGNER, "agent", ACCOUNT.lower())) == []


def test_l16_an_agents_address_as_account_is_refused() -> None:
    (reason,) = refused_for(RoleRead(ACCOUNT.lower(), "agent", "0x" + "c" * 40))
    assert "is an agent's address" in reason
    assert "0x" + "c" * 40 in reason


def test_an_account_that_this_version_cannot_trade_for_is_refused() -> None:
    for role in ("missing", "subAccount", "vault"):
        (reason,) = refused_for(RoleRead(ACCOUNT.lower(), role, ""))
        assert "trades for a master account only" in reason


def test_a_key_that_is_no_agent_of_the_account_is_refused() -> None:
    (reason,) = refused_for(signer=RoleRead(SIGNER, "user"))
    assert f"{SIGNER} is no approved agent" in reason
    (reason,) = refused_for(signer=RoleRead(SIGNER, "agent", "0x" + "d" * 40))
    assert "an agent of 0x" + "d" * 40 in reason


def test_nothing_is_ready_before_the_roles_are_known() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryRole}
    rig.connect()
    rig.advance(2_000)
    assert not rig.snapshot().ready.is_ready
    assert "reads outstanding: role" in rig.snapshot().ready.missing


def test_an_agent_that_loses_its_approval_while_we_run_is_a_hard_stop() -> None:
    rig = Rig()
    rig.venue.roles[SIGNER] = RoleRead(SIGNER, "missing")
    rig.advance(605_000)
    assert rig.effects(Refuse) == [], "what runs is stopped, not refused"
    assert rig.snapshot().hard_stop.tripped
    assert "no approved agent" in rig.snapshot().hard_stop.reason


def test_a_flapping_connection_does_not_read_again_what_does_not_change() -> None:
    rig = Rig()
    for _ in range(3):
        rig.handle(Disconnected("flap"))
        rig.connect()
        rig.advance(2_000)
    asked = [type(a.query) for a in rig.effects(Ask)]
    assert asked.count(QueryRole) == 2
    assert asked.count(QueryFees) == 1
    assert asked.count(QueryRateLimit) == 1
    assert rig.snapshot().ready.position_synced


def test_positions_that_cannot_be_read_for_long_stop_entries_and_not_exits() -> None:
    rig = Rig()
    rig.muted = {QueryPositions}
    rig.advance(40_000)
    assert "positions of xyz, main dex" in rig.snapshot().ready.missing
    assert rig.dislocate() is None
    rig.muted = set()
    rig.advance(20_000)
    assert rig.snapshot().ready.is_ready


def test_the_first_word_of_the_accounts_channels_is_waited_for_and_no_longer() -> None:
    rig = Rig(ready=False)
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", ACCOUNT))
    rig.advance(15_000)
    assert rig.effects(Reconnect) == []
    rig.advance(100)
    assert [e.reason for e in rig.effects(Reconnect)] == ["no first word of userFills for 15 s"]


@pytest.mark.parametrize(("off_ms", "warns"), [(2_000, False), (-2_001, True), (5_000, True)])
def test_a_clock_that_is_off_is_followed_and_told(off_ms: int, warns: bool) -> None:
    rig = Rig()
    rig.handle(ServerTimeRead(rig.now + off_ms, rig.now))
    assert rig.snapshot().connection.clock_offset_ms == off_ms
    assert [f"{off_ms:+d} ms" in text for text in rig.audit("clock")] == [True] * warns
    assert not rig.snapshot().hard_stop.tripped


@pytest.mark.parametrize("off_ms", [5_001, -5_001])
def test_a_clock_that_is_too_far_off_stops(off_ms: int) -> None:
    rig = Rig()
    rig.handle(ServerTimeRead(rig.now + off_ms, rig.now))
    assert rig.snapshot().hard_stop.reason.startswith(f"clock drift: the exchange's clock is {off_ms:+d} ms from ours")
    assert rig.snapshot().connection.clock_offset_ms == 0


def test_a_clock_that_is_too_far_off_makes_nobody_ready() -> None:
    rig = Rig()
    rig.disconnect()
    rig.muted = {QueryServerTime}
    rig.connect()
    rig.advance(100)
    assert Ask(QueryServerTime()) in rig.effects(Ask)
    rig.handle(ServerTimeRead(rig.now + 5_001, rig.now))
    assert "clock" in "; ".join(rig.m.readiness.view().missing)


def test_after_a_time_jump_a_silence_of_prices_counts_from_then_on() -> None:
    rig = Rig()
    rig.quotes_live = False
    rig.advance(20_000)
    rig.handle(TimeJump(60_000))
    assert rig.market(SNDK).ctx_age_ms is None
    rig.advance(29_900)
    assert rig.effects(Reconnect) == []
    rig.advance(200)
    assert [e.reason for e in rig.effects(Reconnect)] == ["no market data for 30 s"]
