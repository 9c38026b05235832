"""The journal goes, the account stays: no order id comes a second time, and what the lost run left open is known as ours and closed.

The real program, killed with a position and a resting order, and started again without its journal or with an older copy of it. Judged by the venue's own list
of orders: an id that came twice would have the fills of one order counted for another.

SPEC 2, 6; LESSONS L05, L19.
"""

from __future__ import annotations

import json
import signal
import urllib.request
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fault_stage import Stage
from venue_driver import until

from core.messages.commands import CancelAll, PlaceOrder
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus, TimeInForce
from core.runtime.keys import TEST_ADDRESS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def orders_of(stage: Stage) -> list[dict[str, Any]]:
    """Every order that the venue ever had of this account, once each."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{stage.venue.port}/info",
        data=json.dumps({"type": "historicalOrders", "user": TEST_ADDRESS}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return list({line["order"]["oid"]: line["order"] for line in json.loads(answer.read())}.values())


def journal_files(stage: Stage) -> list[Path]:
    (journal,) = (stage.folder / "state").rglob("journal.db")
    return [
        p for p in journal.parent.iterdir() if p.name in (journal.name, f"{journal.name}-wal", f"{journal.name}-shm")
    ]


def rest_an_order(stage: Stage) -> int:
    """A buy far below the market that waits in the book; its oid."""
    stage.program.send(
        PlaceOrder(
            command_id="rest",
            market=MarketKey("xyz", "SNDK"),
            side=OrderSide.BUY,
            usd=Decimal(20),
            limit_px=Decimal(1200),
            tif=TimeInForce.GTC,
        )
    )
    until("the order rests", lambda: bool(stage.venue.truth()["openOrders"]), 20)
    (resting,) = stage.venue.truth()["openOrders"]
    return int(resting["oid"])


@pytest.mark.parametrize("what", ["deleted", "put back from an older copy"])
def test_no_order_id_comes_again_and_what_was_left_is_closed(stage: Stage, what: str) -> None:
    stage.start()
    stage.enter_and_leave()
    stage.at_rest()
    stage.end()
    files = journal_files(stage)
    copies = {path: path.read_bytes() for path in files} if what != "deleted" else {}
    first_number = 2 if copies else 1

    def kill_and_lose() -> None:
        stage.program.signal(signal.SIGKILL)
        assert stage.program.wait_exit(5) == -signal.SIGKILL
        for path in journal_files(stage):
            path.unlink()
        for path, data in copies.items():
            path.write_bytes(data)

    stage.start(time_stop_ms=60_000)
    stage.enter()
    kill_and_lose()

    stage.start()
    assert stage.program.snapshot().run.run_id == first_number, "as the lost run, or the one before it"
    stage.wait_flat(20)
    stage.program.wait_until("it knows", lambda s: not s.positions and all(o.is_settled for o in s.orders), 20)
    oid = rest_an_order(stage)
    kill_and_lose()

    stage.start()
    assert stage.program.snapshot().run.run_id == first_number
    known = stage.program.wait_until("the resting order is known", lambda s: any(o.oid == oid for o in s.orders), 20)
    (resting,) = known.orders
    assert (resting.status, resting.reason) == (OrderStatus.OPEN, "an earlier run's")
    assert [o["oid"] for o in stage.venue.truth()["openOrders"]] == [oid], "cancelled on the operator's word alone"
    stage.program.send(CancelAll(command_id="all"))
    until("the resting order is cancelled", lambda: not stage.venue.truth()["openOrders"], 20)
    stage.enter_and_leave()

    made = orders_of(stage)
    assert len(made) >= 7, "three entries and their exits, and the order that rested"
    assert all(is_ours(o["cloid"]) for o in made)
    again = [c for c, times in Counter(o["cloid"] for o in made).items() if times > 1]
    assert again == [], f"one id, two orders: {again}"
    settled = stage.program.wait_until(
        "it knows", lambda s: not s.positions and all(o.is_settled for o in s.orders), 20
    )
    assert not settled.hard_stop.tripped
    assert settled.engine_error == ""
