"""Hostile input at every entrance of the exchange itself: some cases of each room, always the same ones, and values without a corpus.

`make fuzz` plays as many as there is time for. What goes through sockets is in test_hostile_wire. Counts are printed (`-s`).
"""

from __future__ import annotations

import random
from collections import Counter

import msgspec
from hostile_input import ACTIONS, INFO
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim_desk import Desk
from venue_rooms import actions, control, frames, info, refusal, signatures, submit, tampered

from core.sim.feed import Feed

CASES = 1_500


def told(name: str, count: Counter[str]) -> Counter[str]:
    print(f"\n{name}: " + ", ".join(f"{n} {what}" for what, n in sorted(count.items())))
    return count


def test_questions_change_nothing_and_tell_nobody_of_others():
    assert told("info", info(random.Random("info"), CASES))["answered"] > CASES / 20


def test_actions_signed_by_their_sender_move_only_what_is_theirs():
    count = told("actions", actions(random.Random("signed"), CASES))
    assert count["signed"] > CASES / 5
    assert count["accepted"] > 30


def test_a_signature_covers_everything():
    count = told("tampered", tampered(random.Random("tampered"), CASES))
    assert count["executed"] > 30  # a budget and margin end somewhere, however many cases


def test_signatures_of_any_shape():
    assert told("signatures", signatures(random.Random("signatures"), CASES))["cases"] == CASES


def test_frames():
    count = told("frames", frames(random.Random("frames"), CASES))
    assert count["killed"]
    assert count["posts"] > CASES / 20


def test_control():
    assert told("control", control(random.Random("control"), CASES))["done"] > CASES / 20


# values without a corpus -------------------------------------------------------------------------------------------------

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_quick = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
_kinds = st.sampled_from(sorted({m["type"] for m in (*INFO, *ACTIONS)}))


@_quick
@given(kind=_kinds, rest=st.dictionaries(st.sampled_from(["user", "dex", "coin", "oid", "req", "startTime"]), _values))
def test_any_values_as_info(kind, rest):
    desk = _SHARED
    refusal(lambda: msgspec.json.encode(desk.exchange.info({"type": kind, **rest}, desk.now_ms)))


@_quick
@given(raw=st.fixed_dictionaries({}, optional=dict.fromkeys(("action", "nonce", "signature", "vaultAddress"), _values)))
def test_any_values_as_an_action(raw):
    submit(_SHARED, raw)


@_quick
@given(text=st.text() | _values.map(lambda v: msgspec.json.encode(v).decode()))
def test_any_text_as_a_frame(text):
    heard: list[str] = []
    feed = Feed(_SHARED.exchange)
    feed.receive(feed.open(heard.append, _SHARED.now_ms), text, _SHARED.now_ms)
    (frame,) = heard
    assert msgspec.json.decode(frame)["channel"] == "error"


_SHARED = Desk()
