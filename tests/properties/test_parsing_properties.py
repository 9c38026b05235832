"""Whatever comes over the wire, the parsers answer with values that make sense, or with the one error they document.

Two sources: JSON that hypothesis makes up, and real messages in which something was replaced, lost, doubled or cut. Nothing may come out
that is a float, not finite, or of another type than its field says: the engine calculates with it.
"""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec import Struct
from property_budget import examples

from core.hyperliquid.info import read_answer, request_bodies
from core.hyperliquid.parsing import PongReceived, parse_frame
from core.messages.events import AnyEvent, ChannelError
from core.messages.queries import (
    Query,
    QueryBook,
    QueryFees,
    QueryFills,
    QueryFunding,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.model.cloid import CloidMaker
from core.model.market import MarketKey

GOLDEN = Path(__file__).parents[1] / "golden" / "messages"
NAMES = sorted(p.name for p in GOLDEN.glob("*.json"))
FRAMES = [json.loads((GOLDEN / n).read_text()) for n in NAMES if n.startswith("ws_")]
ANSWERS = [json.loads((GOLDEN / n).read_text()) for n in NAMES if n.startswith("info_")]
PERP_DEXS = (GOLDEN / "info_perp_dexs.json").read_bytes()
QUERIES: list[Query] = [
    QuerySpecs("xyz"),
    QueryPositions("xyz"),
    QueryOpenOrders("xyz"),
    QueryOrderStatus(CloidMaker(1).next()),
    QueryFills(0),
    QueryFunding(0),
    QueryBook(MarketKey("xyz", "SNDK")),
    QueryRateLimit(),
    QueryFees(),
    QueryRole("0x" + "1" * 40),
    QueryServerTime(),
]

_TEXTS = [
    "",
    "0",
    "-1",
    "1e400",
    "1E-40",
    "nan",
    "inf",
    "0x10",
    "1_0",
    " 1",
    "١",
    "9" * 50,
    "9" * 18,
    "-1e18",
    "B",
    "xyz:SNDK",
    ":",
    "a:b",
]
_VALUES = [0, -1, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, 1e300, True, False, None, [], {}, [None], [[]], {"": None}]
strange = st.sampled_from([*_TEXTS, *_VALUES])
words = st.sampled_from(
    sorted({k for f in FRAMES + ANSWERS for k in (f if isinstance(f, dict) else {})} | {"data", "coin", "px"})
)
anything = st.recursive(
    strange | st.text(max_size=6) | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def paths_in(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(p for key, each in inner for p in paths_in(each, (*here, key)))]


@st.composite
def mutated(draw: st.DrawFn, messages: list[Any]) -> Any:
    """A real message with one to three things changed."""
    message = {"root": deepcopy(draw(st.sampled_from(messages)))}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths_in(message["root"], ("root",))))
        holder: Any = message
        for key in path[:-1]:
            holder = holder[key]
        how = draw(st.sampled_from(["replace", "replace", "delete", "double", "text"]))
        if how == "replace":
            holder[path[-1]] = deepcopy(draw(anything))
        elif how == "text":
            holder[path[-1]] = str(holder[path[-1]])
        elif len(path) > 1 and how == "delete":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.append(deepcopy(holder[path[-1]]))
    return message["root"]


@st.composite
def cut(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes lost, changed or put in, so that it is no JSON any more, or another one."""
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.binary(max_size=3)) + raw[at + draw(st.integers(0, 5)) :]


def all_sane(value: Any) -> bool:
    """No float, no number that is none, nothing but what messages are made of."""
    if isinstance(value, Decimal):
        return value.is_finite() and abs(value) <= 10**15
    if isinstance(value, Struct):
        return all(all_sane(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, tuple):
        return all(all_sane(v) for v in value)
    return value is None or isinstance(value, (int, str, bool, Enum))


def check(event_: Any) -> None:
    """A message the engine may be given: sane, and each field of the type that it says (the union's decoder judges that)."""
    assert all_sane(event_), event_
    if not isinstance(event_, PongReceived):
        assert msgspec.json.decode(msgspec.json.encode(event_), type=AnyEvent) == event_


def parsed(raw: str | bytes) -> None:
    found = parse_frame(raw)
    event("understood" if any(not isinstance(e, ChannelError) for e in found) else "refused")
    for each in found:
        check(each)


@examples(60)
@given(mutated(FRAMES))
def test_a_real_frame_with_something_changed(frame: Any) -> None:
    parsed(json.dumps(frame))


@examples(40)
@given(st.sampled_from(FRAMES), st.data())
def test_a_real_frame_with_bytes_changed(frame: Any, data: st.DataObject) -> None:
    parsed(data.draw(cut(json.dumps(frame).encode())))


CHANNELS = ["bbo", "activeAssetCtx", "l2Book", "orderUpdates", "userFills", "user", "post", "subscriptionResponse"]


@examples(60)
@given(st.sampled_from([*CHANNELS, "error", "pong", "x"]), anything)
def test_a_frame_of_a_known_channel_with_anything_in_it(channel: str, content: Any) -> None:
    parsed(json.dumps({"channel": channel, "data": content}))


@given(
    st.binary(max_size=40)
    | st.text(max_size=40)
    | anything.map(json.dumps)
    | st.sampled_from(["[" * 9999, '{"a":' * 9999])
)
def test_what_is_no_frame_at_all(raw: str | bytes) -> None:
    found = parse_frame(raw)
    assert all(isinstance(e, ChannelError) for e in found)
    for each in found:
        check(each)


# --- answers to reads ---------------------------------------------------------------------------------------------------------


def answered(query: Query, *bodies: bytes) -> None:
    """Read it; the only error is ValueError, on one line of bounded length."""
    try:
        found = read_answer(query, bodies, 1_705_054_000_000)
    except ValueError as e:
        event("refused")
        assert len(str(e)) < 3_000  # noqa: PT017  that it may be raised is the point
    else:
        event("understood")
        check(found)


def bodies_for(query: Query, body: bytes) -> tuple[bytes, ...]:
    """As many as were asked for; of several the last is the one that varies."""
    return (PERP_DEXS,) * (len(request_bodies(query, "0x" + "1" * 40)) - 1) + (body,)


@examples(100)
@given(st.sampled_from(QUERIES), mutated(ANSWERS))
def test_a_real_answer_with_something_changed(query: Query, answer: Any) -> None:
    """To any question: an answer to another one must not be believed either, and must not break anything."""
    answered(query, *bodies_for(query, json.dumps(answer).encode()))


@examples(40)
@given(st.sampled_from(QUERIES), st.sampled_from(ANSWERS), st.data())
def test_a_real_answer_with_bytes_changed(query: Query, answer: Any, data: st.DataObject) -> None:
    answered(query, *bodies_for(query, data.draw(cut(json.dumps(answer).encode()))))


@examples(40)
@given(st.sampled_from(QUERIES), anything.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=30))
def test_an_answer_that_is_anything(query: Query, body: bytes) -> None:
    answered(query, *bodies_for(query, body))


@examples(40)
@given(mutated([json.loads(PERP_DEXS)]), st.sampled_from(ANSWERS))
def test_a_list_of_dexes_with_something_changed(dexes: Any, meta: Any) -> None:
    answered(QuerySpecs("xyz"), json.dumps(dexes).encode(), json.dumps(meta).encode())
