"""What one IP may ask of the simulated exchange: the weights, the windows, and that one IP does not pay for another."""

from __future__ import annotations

import pytest

from core.runtime.sim_limits import (
    MAX_CONNECTIONS,
    MESSAGES_PER_MINUTE,
    NEW_CONNECTIONS_PER_MINUTE,
    WEIGHT_PER_MINUTE,
    IpLimits,
    action_weight,
    answer_weight,
    info_weight,
)

IP, OTHER = "127.0.0.1", "10.0.0.9"
MINUTE = 60_000


@pytest.fixture
def limits():
    return IpLimits(are_enforced=True)


@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        ("l2Book", 2),
        ("allMids", 2),
        ("clearinghouseState", 2),
        ("orderStatus", 2),
        ("spotClearinghouseState", 2),
        ("exchangeStatus", 2),
        ("userRole", 60),
        ("meta", 20),
        ("openOrders", 20),
        ("nonsense", 20),
    ],
)
def test_what_a_request_costs(kind, weight):
    assert info_weight({"type": kind}) == weight


def test_requests_without_a_type_cost_too():
    for request in (None, [], {}, {"type": ["l2Book"]}):
        assert info_weight(request) == 20


@pytest.mark.parametrize(
    ("kind", "items", "weight"),
    [
        ("userFills", 19, 0),
        ("userFills", 20, 1),
        ("userFills", 2000, 100),
        ("candleSnapshot", 119, 1),
        ("openOrders", 99, 0),
    ],
)
def test_what_a_long_answer_adds(kind, items, weight):
    assert answer_weight({"type": kind}, [0] * items) == weight


def test_answers_that_are_no_list_add_nothing():
    assert answer_weight({"type": "userFills"}, None) == 0


@pytest.mark.parametrize(("items", "weight"), [(1, 1), (39, 1), (40, 2), (79, 2), (200, 6)])
def test_what_an_action_costs(items, weight):
    assert action_weight(items) == weight


def test_a_minute_of_weight_comes_back_when_it_is_over(limits):
    for i in range(WEIGHT_PER_MINUTE // 20):
        assert limits.spend(IP, 20, i)
    assert not limits.spend(IP, 2, 100)
    assert limits.spend(OTHER, 20, 100)
    assert not limits.spend(IP, 2, MINUTE - 1)
    assert limits.spend(IP, 20, MINUTE)
    assert not limits.spend(IP, 21, MINUTE)


def test_what_answers_added_counts_although_it_was_never_refused(limits):
    limits.add(IP, WEIGHT_PER_MINUTE + 100, 0)
    assert not limits.spend(IP, 1, 0)
    assert limits.spend(IP, 1, MINUTE)


def test_messages(limits):
    assert all(limits.message(IP, 0) for _ in range(MESSAGES_PER_MINUTE))
    assert not limits.message(IP, 0)
    assert limits.message(IP, MINUTE)


def test_connections_at_a_time(limits):
    assert all(limits.connect(IP, 0) for _ in range(MAX_CONNECTIONS))
    assert not limits.connect(IP, 0)
    assert limits.connect(OTHER, 0)
    limits.disconnect(IP)
    assert limits.connect(IP, 0)


def test_new_connections_in_a_minute_and_refused_ones_count(limits):
    for _ in range(NEW_CONNECTIONS_PER_MINUTE):
        assert limits.connect(IP, 0)
        limits.disconnect(IP)
    assert not limits.connect(IP, 1)
    assert limits.connect(IP, MINUTE)


def test_off_means_off():
    limits = IpLimits(are_enforced=False)
    for _ in range(5_000):
        assert limits.spend(IP, 1_000, 0)
        assert limits.message(IP, 0)
        assert limits.connect(IP, 0)
        limits.add(IP, 1_000, 0)
    limits.disconnect(IP)


def test_a_crowd_of_ips_is_forgotten_but_not_those_that_are_connected(limits):
    limits.connect(IP, 0)
    for i in range(5_000):
        limits.spend(f"10.0.{i // 250}.{i % 250}", 20, 0)
    assert len(limits._ips) <= 1_000
    limits.disconnect(IP)
