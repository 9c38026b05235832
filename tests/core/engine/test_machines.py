"""All machines together: what is asked, and what is held in money."""

from __future__ import annotations

from engine_rig import ACCOUNT, BUY, NVDA, SNDK, D, Rig, make_config, make_run
from msgspec.structs import replace

from core.engine.machines import Machines
from core.messages.effects import Ask
from core.messages.queries import QueryFees, QueryPositions
from core.messages.recovered import Recovered
from core.model.market import MarketKey, MarketSpec

NOW = 1_000
GOLD = MarketKey("xyz", "GOLD")


def machines(account: str = ACCOUNT) -> Machines:
    config = make_config()
    return Machines(config, make_run(config, account=account), Recovered(), NOW)


def test_nothing_is_asked_without_a_connection_and_it_does_not_count_as_asked() -> None:
    m = machines()
    m.ask(QueryFees())
    m.ask_every(QueryPositions("xyz"), 1_000)
    assert m.out == []
    m.link.connected = True
    m.ask(QueryFees())
    m.ask_every(QueryPositions("xyz"), 1_000)
    assert m.out == [Ask(QueryFees()), Ask(QueryPositions("xyz"))]


def test_order_ids_are_of_the_space_that_the_run_was_given_and_not_of_its_number() -> None:
    """The number begins again with a journal that was lost; the space does not."""
    config = make_config()
    run = replace(make_run(config, run_id=1), cloid_space=0x65F0_1122_1234_5678)
    m = Machines(config, run, Recovered(run_id=1), NOW)
    assert m.cloids.next() == "0x6869703365f011221234567800000001"
    assert machines().cloids.next() == "0x68697033000000010000000000000001", (
        "where none is given: a world, a tape of before"
    )


def test_a_position_without_a_mark_is_worth_its_entry_and_never_nothing() -> None:
    rig = Rig(ready=False)
    rig.venue.specs[GOLD] = MarketSpec(GOLD, 110003, 3, 2, 20)
    rig.venue.quotes[GOLD] = (D("99.9"), D("100.1"))
    rig.ready()
    rig.show(rig.venue.execute(GOLD, BUY, D("0.5"), D(100), rig.now, 5, None))
    assert rig.m.mark_of(GOLD) is None
    assert rig.m.exposure_usd(GOLD) == 50
    assert rig.m.total_exposure_usd() == 50
    assert rig.m.exposure_usd(NVDA) == 0


def test_a_fee_before_the_market_is_known_is_the_unscaled_one() -> None:
    m = machines()
    assert m.specs == {}
    assert m.fee_bps(SNDK) == D("4.5")


def test_an_observer_may_have_no_account() -> None:
    assert machines().has_account
    assert not machines(account="").has_account


def test_a_market_that_we_do_not_watch_has_the_mark_that_the_exchange_gave_its_position() -> None:
    rig = Rig()
    assert rig.m.mark_of(GOLD) is None
    rig.m.venue_marks[GOLD] = D(101)
    assert rig.m.mark_of(GOLD) == 101
    rig.m.venue_marks[SNDK] = D(7)
    assert rig.m.mark_of(SNDK) != 7, "a market that we watch has its own"
