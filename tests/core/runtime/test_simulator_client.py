"""The operator's hand on the simulator: the real one in its process, and the exchanges that are not ours to touch."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import snapshots_for_tests as made

from core.config import SimConfig
from core.messages.simulator import SimulatorError
from core.messages.snapshot import Snapshot
from core.runtime.sim_process import CHILD_COMMAND, SimProcess
from core.runtime.simulator_client import SimulatorClient
from core.sim.fault_list import KINDS


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process = SimProcess(msgspec.json.encode(SimConfig(seed=3, markets=("xyz:SNDK", "BTC"))), CHILD_COMMAND)
    try:
        host, port = process.wait_listening(60)
        yield f"{host}:{port}"
    finally:
        process.stop()


def connected_to(address: str, **run: Any) -> Snapshot:
    return made.snapshot(run=made.run_info(ws_url=f"ws://{address}/ws", **run))


@pytest.fixture
def client(address: str) -> Iterator[SimulatorClient]:
    one = SimulatorClient(lambda: connected_to(address))
    yield one
    one.clear_faults()


def info(address: str, **request: Any) -> Any:
    asked = urllib.request.Request(
        f"http://{address}/info", json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read())


def oracle_and_mid(address: str) -> tuple[float, float]:
    universe, contexts = info(address, type="metaAndAssetCtxs", dex="xyz")
    at = [market["name"] for market in universe["universe"]].index("xyz:SNDK")
    book = info(address, type="l2Book", coin="xyz:SNDK")["levels"]
    return float(contexts[at]["oraclePx"]), (float(book[0][0]["px"]) + float(book[1][0]["px"])) / 2


def test_every_fault_is_explained_with_its_settings(client):
    faults = client.faults()
    assert [fault.name for fault in faults] == list(KINDS)
    late = next(fault for fault in faults if fault.name == "late_reply")
    assert late.group == "on the way between client and venue"
    assert {s.name: s.default for s in late.settings} == {
        "count": "", "for_ms": "", "after_ms": "", "address": "", "ms": "1000",
    }  # fmt: skip
    assert "1 to 86400000" in next(s.says for s in late.settings if s.name == "ms")


def test_a_fault_is_in_force_until_it_is_cleared(client):
    client.strike("lose_reply", "count=3")
    client.strike("info_down", "for_ms=60000,after_ms=50000")
    lost, down = client.in_force()
    assert (lost.name, lost.left, lost.until_ms) == ("lose_reply", 3, None)
    assert (down.name, down.left) == ("info_down", None)
    assert down.until_ms is not None
    client.clear_faults()
    assert client.in_force() == ()


def test_rules_of_a_market_can_be_changed(client, address):
    client.strike("change_spec", "coin=BTC,max_leverage=3")
    universe = info(address, type="meta")["universe"]
    assert next(m for m in universe if m["name"] == "BTC")["maxLeverage"] == 3


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("lose_replay", "", "did you mean 'lose_reply'"),
        ("halt", "count=1", "halt takes for_ms, after_ms, coin"),
        ("halt", "coin=xyz:NOPE", "xyz:NOPE"),
        ("lose_reply", "often", "expected key=value"),
    ],
)
def test_a_fault_that_cannot_be_says_why(client, name, settings, words):
    with pytest.raises(SimulatorError, match=words):
        client.strike(name, settings)


def test_the_oracle_jumps_and_comes_back(client, address):
    client.jump_oracle("xyz:SNDK", 200)
    oracle, mid = oracle_and_mid(address)
    assert oracle / mid == pytest.approx(1.02, abs=0.001)
    client.release("xyz:SNDK")
    with pytest.raises(SimulatorError, match="not listed"):
        client.jump_oracle("xyz:NOPE", 1)
    with pytest.raises(SimulatorError, match="-5000 to 5000"):
        client.jump_oracle("xyz:SNDK", 9_999)


def test_dropping_connections_counts_them(client):
    assert client.drop_connections() == 0


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
def test_no_other_network_is_touched(address, network):
    client = SimulatorClient(lambda: connected_to(address, network=network))
    with pytest.raises(SimulatorError, match=f"{network} is not our own simulator"):
        client.clear_faults()


def test_nor_a_simulator_that_is_not_on_this_machine():
    client = SimulatorClient(lambda: connected_to("203.0.113.7:80"))
    with pytest.raises(SimulatorError, match="not our own"):
        client.clear_faults()


def test_silence_is_one_line():
    client = SimulatorClient(lambda: connected_to("127.0.0.1:1"))
    with pytest.raises(SimulatorError, match="does not answer"):
        client.in_force()
    with pytest.raises(SimulatorError, match="has not said yet"):
        SimulatorClient(lambda: None).in_force()
