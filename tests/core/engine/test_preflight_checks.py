"""What preflight makes of what was read: every check passes, warns and fails for its own reason, and what was not read never passes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from engine_rig import ACCOUNT, BTC, NOW, NVDA, SIGNER, SNDK, SPECS, TAKER, foreign_order, make_config
from msgspec.structs import replace

from core.config import Config, MarketConfig, SafetyConfig
from core.engine.preflight import Facts, found_orders, found_positions, judge
from core.messages.events import (
    Agent,
    AgentsRead,
    FeesRead,
    OpenOrdersRead,
    PositionsRead,
    RateLimitRead,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    VenuePosition,
)
from core.messages.preflight import Check, Verdict

D = Decimal
DAY = 86_400_000
CONFIG = make_config(markets=("xyz:SNDK",), safety=SafetyConfig(mainnet=True, max_notional_usd=D(50)))
PINNED = replace(CONFIG, markets=(MarketConfig("xyz:SNDK", 110016),))


def positions(*held: VenuePosition, free: str = "100") -> dict[str, Any]:
    return {"xyz": PositionsRead("xyz", NOW, held, D(free), D(free))}


GOOD = Facts(
    account=ACCOUNT,
    signer=SIGNER,
    specs={"xyz": SpecsRead("xyz", (SPECS[SNDK], SPECS[NVDA]))},
    positions=positions(),
    orders={"xyz": OpenOrdersRead("xyz", ())},
    leverage={SNDK: "cross 10x"},
    roles={ACCOUNT: RoleRead(ACCOUNT, "user"), SIGNER: RoleRead(SIGNER, "agent", ACCOUNT)},
    agents=AgentsRead((Agent("console", SIGNER, NOW + 30 * DAY),)),
    clock=ServerTimeRead(NOW + 40, NOW),
    budget=RateLimitRead(10, 10_000, D(0)),
    fees=FeesRead(TAKER, D("0.00015")),
    known={SNDK: SPECS[SNDK]},
    key_place="from a file",
    journal="journal.db",
    disk_free_mb=50_000,
    now_ms=NOW,
)


def check(name: str, config: Config = PINNED, **changes: Any) -> Check:
    found = [c for c in judge(config, replace(GOOD, **changes)) if c.name == name]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_everything_right_passes_everything() -> None:
    checks = judge(PINNED, GOOD)
    assert [c for c in checks if c.verdict is not Verdict.PASS] == []
    assert {c.name for c in checks} >= {
        *("console", "journal", "disk", "hard stop", "clock", "key", "account", "signer", "approval", "fees"),
        *("action budget", "margin xyz", "market xyz:SNDK", "parameters xyz:SNDK", "leverage xyz:SNDK"),
        *("open orders", "positions"),
    }
    assert all(c.value and c.limit for c in checks)


SOLD = {**SPECS, SNDK: replace(SPECS[SNDK], is_delisted=True)}


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "says"),
    [
        ("console", {"held_by": "console, process 7"}, "FAIL", "process 7"),
        ("journal", {"journal_error": "cannot be written to"}, "FAIL", "cannot be written"),
        ("disk", {"disk_free_mb": 999}, "WARN", "999 MB"),
        ("disk", {"disk_free_mb": 99}, "FAIL", "99 MB"),
        ("hard stop", {"latched": "6 losses in a row"}, "WARN", "6 losses"),
        ("clock", {"clock": ServerTimeRead(NOW + 2_001, NOW)}, "WARN", "+2001 ms"),
        ("clock", {"clock": ServerTimeRead(NOW - 5_001, NOW)}, "FAIL", "-5001 ms"),
        ("clock", {"clock": "HTTP 502"}, "FAIL", "not read: HTTP 502"),
        ("exchange", {"venue_status": "post only"}, "WARN", "post only"),
        ("key file", {"key_warnings": ("mode 0640",)}, "WARN", "0640"),
        ("account", {"roles": {ACCOUNT: RoleRead(ACCOUNT, "missing")}}, "FAIL", "not known to the exchange"),
        ("account", {"roles": {ACCOUNT: RoleRead(ACCOUNT, "agent", "0xmaster")}}, "FAIL", "is an agent's address"),
        ("account", {"roles": {ACCOUNT: "timeout"}}, "FAIL", "not read"),
        ("signer", {"signer": ACCOUNT}, "WARN", "the account's own key"),
        (
            "signer",
            {"roles": {ACCOUNT: RoleRead(ACCOUNT, "user"), SIGNER: RoleRead(SIGNER, "missing")}},
            "FAIL",
            "not known to the exchange",
        ),
        (
            "signer",
            {"roles": {ACCOUNT: RoleRead(ACCOUNT, "user"), SIGNER: RoleRead(SIGNER, "agent", "0xother")}},
            "FAIL",
            "an agent of 0xother",
        ),
        ("approval", {"agents": AgentsRead((Agent("a", SIGNER, NOW + DAY - 1),))}, "WARN", "ends in 23 h 59 min"),
        ("approval", {"agents": AgentsRead((Agent("a", SIGNER, NOW + 599_999),))}, "FAIL", "ends in 0 h 9 min"),
        ("approval", {"agents": AgentsRead((Agent("a", SIGNER, NOW - 1),))}, "FAIL", "ends in the past"),
        ("approval", {"agents": AgentsRead(())}, "PASS", "no end is told"),
        ("approval", {"agents": "HTTP 429"}, "FAIL", "not read"),
        ("fees", {"fees": "HTTP 429"}, "FAIL", "not read"),
        ("action budget", {"budget": RateLimitRead(9_001, 10_000, D(0))}, "WARN", "999 left"),
        ("action budget", {"budget": RateLimitRead(9_901, 10_000, D(0))}, "FAIL", "99 left"),
        ("action budget", {"budget": "HTTP 429"}, "FAIL", "not read"),
        ("margin xyz", {"positions": positions(free="4.99")}, "FAIL", "$4.99 free"),
        ("margin xyz", {"positions": positions(free="5")}, "PASS", "$5.00 free"),
        ("margin xyz", {"positions": positions(free="0"), "shared_usd": D(5)}, "PASS", "$5.00 free"),
        ("margin xyz", {"positions": {"xyz": "HTTP 502"}}, "FAIL", "not read"),
        ("market xyz:SNDK", {"specs": {"xyz": SpecsRead("xyz", (SPECS[NVDA],))}}, "FAIL", "not listed on xyz"),
        ("market xyz:SNDK", {"specs": {"xyz": SpecsRead("xyz", (SOLD[SNDK],))}}, "FAIL", "delisted"),
        ("market xyz:SNDK", {"specs": {"xyz": "HTTP 502"}}, "FAIL", "not read"),
        ("parameters xyz:SNDK", {"known": {}}, "PASS", "seen for the first time"),
        (
            "parameters xyz:SNDK",
            {"known": {SNDK: replace(SPECS[SNDK], max_leverage=20, growth_mode=True)}},
            "WARN",
            "max_leverage 20 -> 10, growth_mode True -> False",
        ),
        ("leverage xyz:SNDK", {"leverage": {}}, "FAIL", "not read"),
        ("open orders", {"orders": {"xyz": OpenOrdersRead("xyz", (foreign_order(),))}}, "WARN", "1 not of this run"),
        ("open orders", {"orders": {"xyz": "HTTP 502"}}, "FAIL", "xyz: HTTP 502"),
        (
            "positions",
            {"positions": positions(VenuePosition(SNDK, D(1), D(200), D(200), D(0)))},
            "WARN",
            "1 open",
        ),
        ("positions", {"positions": {"xyz": "HTTP 502"}}, "FAIL", "xyz: HTTP 502"),
    ],
)
def test_each_check_for_its_own_reason(name: str, changes: dict[str, Any], verdict: str, says: str) -> None:
    found = check(name, **changes)
    assert found.verdict is Verdict(verdict), found
    assert says in found.value, found


def test_a_pinned_id_that_is_another_market_names_both() -> None:
    wrong = replace(CONFIG, markets=(MarketConfig("xyz:SNDK", 110002),))
    found = check("market xyz:SNDK", wrong)
    assert found.verdict is Verdict.FAIL
    assert found.value == "is 110016; 110002 is xyz:NVDA"
    nobody = replace(CONFIG, markets=(MarketConfig("xyz:SNDK", 28),))
    assert check("market xyz:SNDK", nobody).value == "is 110016; 28 is no market of this dex"


def test_what_is_open_is_told_one_by_one_with_whose_it_is() -> None:
    ours = foreign_order(oid=78, cloid="0x68697033" + "0" * 23 + "7")
    facts = replace(
        GOOD,
        orders={"xyz": OpenOrdersRead("xyz", (foreign_order(), ours))},
        positions=positions(
            VenuePosition(SNDK, D("-0.5"), D(200), D(100), D(0)), VenuePosition(NVDA, D(1), D(180), D(180), D(0))
        ),
    )
    assert [(o.oid, o.is_ours) for o in found_orders(facts)] == [(77, False), (78, True)]
    assert [(p.market, p.is_configured) for p in found_positions(PINNED, facts)] == [(SNDK, True), (NVDA, False)]
    (told,) = [c for c in judge(PINNED, facts) if c.name == "positions"]
    assert told.remedy == "1 to be taken over and closed in time, 1 left alone until a stop; or close them"


def test_one_dex_that_cannot_be_read_does_not_hide_the_other() -> None:
    both = replace(PINNED, markets=(MarketConfig("xyz:SNDK"), MarketConfig("BTC")))
    facts = replace(GOOD, specs={**GOOD.specs, "": "HTTP 502"}, leverage={SNDK: "cross 10x", BTC: ""})
    verdicts = {c.name: c.verdict for c in judge(both, facts)}
    assert verdicts["market xyz:SNDK"] is Verdict.PASS
    assert verdicts["market BTC"] is Verdict.FAIL
    assert verdicts["margin xyz"] is Verdict.PASS
    assert verdicts["margin main dex"] is Verdict.FAIL


@pytest.mark.parametrize("field", ["specs", "positions", "orders", "roles", "agents", "clock", "budget", "fees"])
def test_what_was_not_read_fails(field: str) -> None:
    value = getattr(GOOD, field)
    unread: Any = dict.fromkeys(value, "timeout") if isinstance(value, dict) else "timeout"
    checks = judge(PINNED, replace(GOOD, **{field: unread}))
    assert any(c.verdict is Verdict.FAIL and "not read" in c.value for c in checks), field


def test_without_a_key_nothing_is_asked_of_one() -> None:
    names = [c.name for c in judge(replace(PINNED, mode="observation"), replace(GOOD, signer=""))]
    assert "signer" not in names
    assert "approval" not in names


def test_an_exchange_that_tells_nothing_at_all_is_one_line_and_hides_nothing_of_ours() -> None:
    why = "cannot connect to 127.0.0.1:8123"
    config, read = PINNED, GOOD
    silent = replace(
        read,
        **{name: dict.fromkeys(getattr(read, name), why) for name in ("specs", "positions", "orders", "roles")},
        clock=why, budget=why, fees=why, agents=why, held_by="a console",
    )  # fmt: skip
    failed = [(c.name, c.value) for c in judge(config, silent) if c.verdict is Verdict.FAIL]
    assert failed == [("console", "a console"), ("exchange", f"nothing could be read: {why}")]
    one_answered = replace(silent, fees=read.fees)
    assert len([c for c in judge(config, one_answered) if c.verdict is Verdict.FAIL]) > 5, (
        "then each is told for itself"
    )


def test_a_tape_that_may_grow_large_wants_room() -> None:
    long = replace(PINNED, journal=replace(PINNED.journal, tape_max_mb=60_000))
    assert check("disk", long).verdict is Verdict.WARN
    assert check("disk", PINNED).verdict is Verdict.PASS


def test_a_key_whose_role_was_not_read_is_not_approved() -> None:
    told = check("signer", roles={ACCOUNT: RoleRead(ACCOUNT, "user"), SIGNER: "timeout"})
    assert (told.verdict, told.value) == (Verdict.FAIL, "not read: timeout")


def test_margin_is_asked_of_each_dex_for_its_own_markets_at_the_lowest_of_their_leverages() -> None:
    low, high = replace(SPECS[SNDK], max_leverage=2), replace(SPECS[NVDA], max_leverage=20)
    both = replace(PINNED, markets=(MarketConfig("xyz:SNDK"), MarketConfig("xyz:NVDA")))
    specs = {"xyz": SpecsRead("xyz", (low, high))}
    need = min(both.execution.max_notional_total, 2 * min(both.execution.max_notional_per_market, D(50))) / 2
    assert check("margin xyz", both, specs=specs).limit.startswith(f">= ${need:.2f} for")
    on_two = replace(PINNED, markets=(MarketConfig("xyz:SNDK"), MarketConfig("BTC")))
    # The main dex's own list names another market of ours: it is not held against that dex's margin.
    main = SpecsRead("", (SPECS[BTC], replace(low, max_leverage=1)))
    reads = {"": replace(positions()["xyz"], dex=""), **positions()}
    told = check("margin main dex", on_two, specs={"xyz": SpecsRead("xyz", (high, low)), "": main}, positions=reads)
    need = min(on_two.execution.max_notional_per_market, D(50)) / SPECS[BTC].max_leverage
    assert told.limit.startswith(f">= ${need:.2f} for")
