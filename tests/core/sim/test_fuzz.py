"""Hostile input at every entrance of the exchange itself: it answers in the venue's words, changes nothing unasked, and tells nobody of others.

What goes through sockets is in test_fuzz_wire. HIP3_FUZZ=50 runs fifty times as many cases.
"""

from __future__ import annotations

import contextlib
import os
import random
import re

import msgspec
import pytest
from hostile_input import ACTIONS, ALICE, BOB, CONTROLS, FRAMES, INFO, as_bytes, spoil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim_desk import OTHER_KEY, Desk

from core.hyperliquid.actions import canonical_action
from core.sim.admission import WireFailure
from core.sim.control import ControlError
from core.sim.exchange import Exchange
from core.sim.feed import Feed, SocketKilled
from core.sim.saved import restore, save
from core.sim.session import Session

TIMES = int(os.environ.get("HIP3_FUZZ", "1"))
CASES = 1_500 * TIMES

BOBS_CLOID = "0x000000000000000000000000000b0b00"
"""With his sizes 0.077 and 0.013 a mark of Bob's dealings that nobody else may see."""

PUBLIC = (
    *("l2Book", "recentTrades", "trades", "metaAndAssetCtxs", "candleSnapshot", "candle", "bbo", "allMids"),
    *("activeAssetCtx", "allDexsAssetCtxs", "fastAssetCtxs"),
)
"""Tell sizes of everybody's orders and trades."""

SLIPS = re.compile(
    r"Traceback|object at 0x|<class '|\.py\b|core\.sim|[a-z](Error|Exception|InvalidOperation)\b|assert "
)
"""What shows that a mistake of ours was told to a client."""


@pytest.fixture
def desk() -> Desk:
    """BTC moves; Bob rests an order and holds a position, under marks of his own."""
    d = Desk(markets=("BTC",))
    d.pin()
    d.later()
    d.order(True, "1600", "0.077", tif="Gtc", cloid=BOBS_CLOID, key=OTHER_KEY)
    d.order(True, "1800", "0.013", key=OTHER_KEY)
    d.order(True, "1600", "0.1", tif="Gtc")
    d.later()
    return d


def marks(text: str) -> bool:
    return BOBS_CLOID in text or '"0.077"' in text or '"0.013"' in text


def bobs_view(exchange: Exchange, now_ms: int) -> bytes:
    kinds = ("clearinghouseState", "openOrders", "userFills", "historicalOrders", "userRateLimit", "extraAgents")
    return msgspec.json.encode([exchange.info({"type": k, "user": BOB, "dex": "xyz"}, now_ms) for k in kinds])


def refusal(call) -> WireFailure | None:
    """Why it was refused; anything but the venue's own failures goes through and fails the test."""
    failure = None
    try:
        call()
    except WireFailure as e:
        failure = e
    if failure is not None:
        assert failure.status in (400, 422, 429, 500), failure
        assert failure.status != 500 or failure.text == "null"
        if failure.status == 422:
            assert failure.text.startswith("Failed to deserialize the JSON body into the target type")
        assert SLIPS.search(failure.text) is None, failure.text
        assert len(failure.text) < 500
        failure.text.encode()
    return failure


def through_json(message: object, dice: random.Random) -> object:
    """As the exchange gets it: decoded from the wire, or None when the wire would have refused it."""
    try:
        return msgspec.json.decode(as_bytes(message, dice))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def future(exchange: Exchange, now_ms: int) -> list:
    return [exchange.advance(now_ms + 700 * i) for i in range(1, 50)] + [exchange.control({"do": "truth"}, now_ms)]


def test_info(desk):
    dice = random.Random("info")
    before = save(desk.exchange)
    answered = 0
    for _ in range(CASES):
        request = through_json(spoil(dice.choice(INFO), dice), dice)
        answer = []
        if refusal(lambda: answer.append(desk.exchange.info(request, desk.now_ms))) is None:  # noqa: B023
            answered += 1
            text = msgspec.json.encode(answer[0]).decode()
            asker = request.get("user") if isinstance(request, dict) else None
            if not (isinstance(asker, str) and asker.lower() == BOB):
                assert not (BOBS_CLOID in text if request["type"] in PUBLIC else marks(text)), request
            assert "NaN" not in text
            assert "Infinity" not in text
    assert answered > CASES / 20
    assert future(desk.exchange, desk.now_ms) == future(restore(before), desk.now_ms), "a question changed the venue"


def signed(desk: Desk, action: object, dice: random.Random) -> dict | None:
    """The action signed by Alice over what the venue would hash; None when there is nothing to sign."""
    try:
        canonical_action(action)
        return desk.envelope(action, nonce=desk.now_ms - dice.randrange(10_000))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def submit(desk: Desk, raw: object) -> dict | None:
    reply: list[dict] = []

    def call() -> None:
        envelope = desk.exchange.decode(raw)
        reply.append(desk.exchange.submit(envelope, desk.now_ms).reply)

    if refusal(call) is not None:
        return None
    text = msgspec.json.encode(reply[0]).decode()
    assert reply[0]["status"] in ("ok", "err")
    assert SLIPS.search(text) is None, text[:300]
    return reply[0]


def test_actions_signed_by_their_sender(desk):
    """However foolish, what Alice signs is answered and moves only what is hers."""
    dice = random.Random("signed")
    bob = bobs_view(desk.exchange, desk.now_ms)
    accepted = sent = 0
    for case in range(CASES):
        action = through_json(spoil(dice.choice(ACTIONS), dice), dice)
        raw = signed(desk, action, dice)
        if raw is None:
            raw = {"action": action, "nonce": case, "signature": {"r": "0x1", "s": "0x1", "v": 27}}
        else:
            sent += 1
        reply = submit(desk, raw)
        accepted += reply is not None and reply["status"] == "ok"
        if case % 50 == 0:
            desk.exchange.control({"do": "fund", "user": ALICE, "usd": "100000"}, desk.now_ms)
            assert not any(BOB in str(e.data) for e in desk.later().user_events if e.user == ALICE)
            after = bobs_view(desk.exchange, desk.now_ms)
            if '"userFills":[]' not in after.decode() and len(desk.exchange.venue.fills_of(BOB)) > 1:
                bob = after  # he traded with her, as he may
    assert sent > CASES / 5
    assert accepted > 30
    stripped = [re.sub(rb'"time":\d+|"markPx":"[^"]*"', b"", v) for v in (bob, bobs_view(desk.exchange, desk.now_ms))]
    assert stripped[0] == stripped[1]


def test_a_signature_covers_everything(desk):
    """Whatever is changed after signing is refused, unless it means the same; and nothing is executed twice."""
    dice = random.Random("tampered")
    executed = 0
    for _ in range(CASES):
        action = dice.choice(ACTIONS)
        original = signed(desk, action, dice)
        assert original is not None
        raw = through_json(spoil(original, dice), dice)
        reply = submit(desk, raw)
        if reply is None or not isinstance(raw, dict):
            continue
        refused = reply["status"] == "err"
        stranger = (refused and "does not exist" in reply["response"]) or (
            refused and "Must deposit" in reply["response"]
        )
        if not refused:
            executed += 1
            assert canonical_action(raw["action"]) == canonical_action(action)
            assert raw["nonce"] == original["nonce"]
            again = submit(desk, raw)
            assert again is not None
            assert again["status"] == "err"
            assert "nonce" in again["response"].lower()
        elif stranger:
            assert raw != original
    assert executed > 30  # a budget and margin end somewhere, however many cases


def test_signatures_of_any_shape(desk):
    dice = random.Random("signatures")
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    parts: list[object] = [0, 1, "0x0", "0x1", hex(order), hex(order - 1), hex(2**256 - 1), "0x" + "f" * 65, "zz", ""]
    parts += [None, [], {}, True, -1, 1.5, "-0x1", "0x" + "1" * 64, " 0x1", "0x_1"]
    accounts = set(desk.exchange.venue.accounts)
    for _ in range(CASES):
        raw = desk.envelope(ACTIONS[0])
        raw["signature"] = {k: dice.choice(parts) for k in ("r", "s")} | {
            "v": dice.choice([27, 28, 0, 1, 2**70, "27", None])
        }
        reply = submit(desk, raw)
        assert reply is None or reply["status"] == "err"
    assert set(desk.exchange.venue.accounts) == accounts


def test_frames(desk):
    """Two sockets of different people: each hears only of what it asked for."""
    dice = random.Random("frames")
    feed = Feed(desk.exchange)
    heard: list[str] = []
    session: Session | None = None
    killed = posts = 0
    bob_is_asked_for = False
    for case in range(CASES):
        if session is None:
            session, bob_is_asked_for = feed.open(heard.append, desk.now_ms), False
        text = as_bytes(spoil(dice.choice(FRAMES), dice), dice).decode(errors="replace")
        bob_is_asked_for = bob_is_asked_for or BOB in text.lower()
        try:
            post = feed.receive(session, text, desk.now_ms)
            if post is not None:
                posts += 1
                failure = refusal(lambda: answer(feed, desk, session, post))  # noqa: B023
                if failure is not None:
                    feed.fail(session, post, failure, desk.now_ms)
                feed.forget(post)
        except SocketKilled:
            killed += 1
            feed.close(session)
            session = None
        if case % 20 == 0:
            desk.now_ms += 700
            feed.publish(desk.exchange.advance(desk.now_ms), desk.now_ms)
        for frame in heard:
            told = msgspec.json.decode(frame)
            assert isinstance(told["channel"], str)
            if told["channel"] != "error" and not bob_is_asked_for:
                kind = told["data"]["response"]["type"] if told["channel"] == "post" else told["channel"]
                assert not (BOBS_CLOID in frame if kind in (*PUBLIC, "info") else marks(frame)), frame
        heard.clear()
    assert killed
    assert posts > CASES / 20
    assert feed.pending_posts == 0


def answer(feed: Feed, desk: Desk, session: Session, post) -> None:
    if post.kind == "info":
        feed.answer(session, post, desk.exchange.info(post.payload, desk.now_ms), desk.now_ms)
    else:
        reply = desk.exchange.submit(desk.exchange.decode(post.payload), desk.now_ms).reply
        feed.answer(session, post, reply, desk.now_ms)


def test_control(desk):
    """Only we reach it, and it still answers every mistake in words."""
    dice = random.Random("control")
    done = 0
    for case in range(CASES):
        command = through_json(spoil(dice.choice(CONTROLS), dice), dice)
        with contextlib.suppress(ControlError):
            msgspec.json.encode(desk.exchange.control(command, desk.now_ms))
            done += 1
        if case % 25 == 0:
            desk.later(700)
    assert done > CASES / 20


# values without a corpus -------------------------------------------------------------------------------------------------

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_quick = settings(
    max_examples=100 * TIMES, deadline=None, derandomize=TIMES == 1, suppress_health_check=list(HealthCheck)
)
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
