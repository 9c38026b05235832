"""Funding from the simulated exchange to the engine's own words: asked as the program asks it, read as the program reads it."""

from __future__ import annotations

import json
from decimal import Decimal as D

from sim_desk import Desk

from core.hyperliquid.info import read_answer, request_bodies
from core.messages.events import FundingRead
from core.messages.queries import QueryFunding
from core.model.market import MarketKey
from core.sim.funding import HOUR_MS, RATE


def read(desk: Desk, start_ms: int) -> FundingRead:
    query = QueryFunding(start_ms)
    (body,) = request_bodies(query, desk.user)
    event = read_answer(query, (json.dumps(desk.exchange.info(body, desk.now_ms)).encode(),), 0)
    assert isinstance(event, FundingRead)
    return event


def test_a_payment_is_read_as_it_was_booked() -> None:
    desk = Desk()
    desk.pin()
    assert "filled" in desk.order(True, "1700", "0.05")
    hour_ms = (desk.now_ms // HOUR_MS + 1) * HOUR_MS
    desk.later(hour_ms - desk.now_ms + 1_000)
    (payment,) = read(desk, hour_ms - HOUR_MS).payments
    assert payment.market == MarketKey("xyz", "SNDK")
    assert payment.time_ms // HOUR_MS == hour_ms // HOUR_MS
    assert (payment.signed_size, payment.rate) == (D("0.05"), RATE)
    assert payment.usdc == (-D("0.05") * 1700 * RATE).quantize(D("0.000001")) < 0
    assert read(desk, payment.time_ms + 1).payments == ()


def test_nothing_held_nothing_told() -> None:
    assert read(Desk(), 0) == FundingRead(0, ())
