"""What a scrape says, against the snapshot it was read from; and that the example dashboard asks for nothing that is not there."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from engine_rig import NVDA, SNDK, Rig
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest

from core.messages.alerts import AlertTarget
from core.messages.snapshot import Snapshot
from core.runtime.clock import ManualClock
from core.runtime.metrics import COUNTERS, GAUGES, families
from core.runtime.metrics_server import _Collector

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana_dashboard.json"

PLAN = (
    "inflight_current",
    "batch_sent_total",
    "batch_complete_total",
    "order_accepted_total",
    "order_rejected_total",
    "order_timeout_total",
    "order_send_failure_total",
    "expected_edge_bps",
    "actual_edge_bps",
    "slippage_bps",
    "fill_rate",
    "flat_time_ms",
    "pnl_per_trade",
    "pnl_cumulative",
)


def a_life() -> Snapshot:
    """A trade that lost, a position that is open, a signal that was refused, an alert that waits."""
    rig = Rig()
    rig.lose_trade()
    rig.open_position(NVDA)
    rig.dislocate(NVDA)
    target = AlertTarget("ntfy://...", delivered=3, given_up=1, waiting=2)
    return replace(rig.snapshot(), alerts=(target,))


class Engine:
    is_done = False
    error = ""

    def __init__(self, latest: Snapshot | None) -> None:
        self.latest = latest

    def send(self, command: object) -> None:
        raise AssertionError("metrics send nothing")


def scraped(snapshot: Snapshot | None, engine: Engine | None = None, later_ms: int = 0) -> dict[str, float]:
    """Every sample of the text form by name and labels."""
    clock = ManualClock((snapshot.at_ms if snapshot else 0) + later_ms)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(engine or Engine(snapshot), clock))
    lines = generate_latest(registry).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_the_plans_names_are_there_and_say_what_the_snapshot_says() -> None:
    s = a_life()
    text = scraped(s)
    names = {name.partition("{")[0] for name in text}
    assert set(PLAN) <= names
    assert text["inflight_current"] == s.inflight.value
    assert text["batch_sent_total"] == s.tally.posts_sent > 0
    assert text["batch_complete_total"] == s.tally.posts_completed
    assert text["batch_sent_total"] - text["batch_complete_total"] == text["inflight_current"]
    assert text["order_accepted_total"] == s.tally.orders_accepted > 0
    assert text["pnl_cumulative"] == pytest.approx(float(s.pnl.realized_usd))
    assert text["pnl_cumulative"] < 0
    (trade,) = s.trades
    assert text['actual_edge_bps{stat="last"}'] == pytest.approx(float(trade.actual_edge_bps))
    assert text['slippage_bps{stat="mean"}'] == pytest.approx(
        text['expected_edge_bps{stat="mean"}'] - text['actual_edge_bps{stat="mean"}']
    )
    assert text['pnl_per_trade{stat="last"}'] == pytest.approx(float(trade.net_pnl_usd))
    assert text["fill_rate"] == 1.0


def test_state_queues_risk_and_markets() -> None:
    s = a_life()
    text = scraped(s, later_ms=250)
    assert text["hip3_engine_up"] == 1
    assert text["hip3_snapshot_age_ms"] == 250
    assert text['hip3_state{state="ACTIVE"}'] == 1
    assert text['hip3_state{state="HALTED"}'] == 0
    assert text['hip3_connection{phase="live"}'] == 1
    assert sum(v for name, v in text.items() if name.startswith("hip3_ready{")) == 4
    assert {n for n in text if n.startswith("hip3_queue_depth")} == {
        f'hip3_queue_depth{{queue="{q.name}"}}' for q in s.queues
    }
    assert text['hip3_risk{counter="losses in a row"}'] == 1
    assert text['hip3_risk_limit{counter="losses in a row"}'] == 5
    assert 'hip3_risk_limit{counter="rejected per hour"}' not in text, "what is not enforced here has no limit"
    assert text["hip3_positions"] == 1
    assert text[f'hip3_position_notional_usd{{market="{NVDA}"}}'] > 0
    assert text[f'hip3_position_time_stop_in_ms{{market="{NVDA}"}}'] > 0
    assert f'hip3_position_notional_usd{{market="{SNDK}"}}' not in text
    assert sum(v for n, v in text.items() if n.startswith("hip3_denied_total")) == sum(c for _, c in s.tally.denied) > 0
    assert text['hip3_alerts_given_up_total{target="1"}'] == 1


def test_what_is_not_known_is_left_out() -> None:
    text = scraped(Rig(ready=False).snapshot())
    for name in ("fill_rate", "hip3_budget_used", 'actual_edge_bps{stat="last"}', "hip3_account_value_usd"):
        assert name not in text
    assert text["order_accepted_total"] == 0, "but a count of nothing is nothing"


def test_before_the_first_snapshot_and_after_the_end_it_says_no_more_than_that() -> None:
    assert scraped(None) == {"hip3_engine_up": 1}
    dead = Engine(None)
    dead.is_done = True
    assert scraped(None, dead) == {"hip3_engine_up": 0}
    s = replace(a_life(), engine_error="ZeroDivisionError")
    assert scraped(s)["hip3_engine_up"] == 0


def test_every_metric_is_named_once_explained_and_of_our_names() -> None:
    all_families = list(families(a_life()))
    names = [f.name for f in all_families]
    assert len(names) == len(set(names))
    plan = {name.removesuffix("_total") for name in PLAN}
    for family in all_families:
        assert family.documentation.endswith(".")
        assert family.name in plan or family.name.startswith("hip3_"), family.name
    assert len(names) > len(COUNTERS) + len(GAUGES)


def test_no_address_and_no_number_of_an_order_is_a_label() -> None:
    s = a_life()
    text = "\n".join(scraped(s))
    for secret in (s.run.account, s.run.signer, *(str(o.oid) for o in s.orders), "ntfy"):
        assert secret not in text


def metrics_of(expression: str) -> set[str]:
    """The metric names of a query: words that are no function, no label and no number."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", expression)
    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", bare))
    return words - {"rate", "sum", "min", "max", "by", "avg"}


def test_the_dashboard_asks_for_nothing_that_is_not_there() -> None:
    there = {name.partition("{")[0] for name in scraped(a_life())}
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {
        name: panel["title"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in metrics_of(target["expr"])
    }
    assert {
        name: title for name, title in asked.items() if name not in there | {"hip3_budget_used", "hip3_budget_cap"}
    } == {}
    assert set(PLAN) <= set(asked), "and the plan's are all on it"


def test_the_dashboards_labels_are_there_too() -> None:
    text = scraped(a_life())
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for selector in re.findall(r"(\w+\{[^}]*\})", target["expr"]):
                assert selector in text, selector


def test_a_budget_that_was_read_is_told() -> None:
    s = a_life()
    s = replace(s, budget=replace(s.budget, used=12, cap=10_000), pnl=replace(s.pnl, account_value_usd=Decimal(900)))
    text = scraped(s)
    assert (text["hip3_budget_used"], text["hip3_budget_cap"], text["hip3_account_value_usd"]) == (12, 10_000, 900)
