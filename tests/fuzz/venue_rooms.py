"""Hostile input at every entrance of the simulated exchange: it answers in the venue's words, changes nothing unasked, tells nobody of others.

Every room takes dice and a number of cases, raises at what must not be, and answers with what it counted. Rooms that stand before the
exchange itself see it in one process; `sockets` goes the whole way, with malformed HTTP and frames that are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
from hostile_input import ACTIONS, ALICE, BOB, CONTROLS, FRAMES, INFO, as_bytes, spoil
from sim_desk import OTHER_KEY, Desk
from venue_thread import QUIET

from core.hyperliquid.actions import canonical_action
from core.runtime.sim_server import SimServer
from core.sim.admission import WireFailure
from core.sim.control import ControlError
from core.sim.exchange import Exchange
from core.sim.feed import Feed, SocketKilled
from core.sim.saved import restore, save
from core.sim.session import Post, Session

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

ROADS = {
    "/info": INFO,
    "/exchange": [{"action": a, "nonce": 1, "signature": {}} for a in ACTIONS],
    "/control": CONTROLS,
}
MAY_ANSWER = {200, 400, 405, 413, 415, 422, 429}
OURS = ("Traceback", "object at 0x", "Server got itself in trouble", ".py", "Error:", "core.sim")


def bobs_desk() -> Desk:
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


def refusal(call: Callable[[], Any]) -> WireFailure | None:
    """Why it was refused; anything but the venue's own failures goes through and is a finding."""
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


def through_json(message: object, dice: random.Random) -> Any:
    """As the exchange gets it: decoded from the wire, or None when the wire would have refused it."""
    try:
        return msgspec.json.decode(as_bytes(message, dice))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def future(exchange: Exchange, now_ms: int) -> list[Any]:
    return [exchange.advance(now_ms + 700 * i) for i in range(1, 50)] + [exchange.control({"do": "truth"}, now_ms)]


def info(dice: random.Random, cases: int) -> Counter[str]:
    """Questions: nobody learns of others, and the venue is what it was."""
    desk, count = bobs_desk(), Counter[str]()
    before = save(desk.exchange)
    for _ in range(cases):
        request = through_json(spoil(dice.choice(INFO), dice), dice)
        answer: list[Any] = []
        count["cases"] += 1
        if refusal(lambda: answer.append(desk.exchange.info(request, desk.now_ms))) is not None:  # noqa: B023
            count["refused"] += 1
            continue
        count["answered"] += 1
        text = msgspec.json.encode(answer[0]).decode()
        asker = request.get("user") if isinstance(request, dict) else None
        if not (isinstance(asker, str) and asker.lower() == BOB):
            assert not (BOBS_CLOID in text if request["type"] in PUBLIC else marks(text)), request
        assert "NaN" not in text
        assert "Infinity" not in text
    assert future(desk.exchange, desk.now_ms) == future(restore(before), desk.now_ms), "a question changed the venue"
    return count


def signed(desk: Desk, action: Any, dice: random.Random) -> dict[str, Any] | None:
    """The action signed by Alice over what the venue would hash; None when there is nothing to sign."""
    try:
        canonical_action(action)
        envelope: dict[str, Any] = desk.envelope(action, nonce=desk.now_ms - dice.randrange(10_000))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return envelope


def submit(desk: Desk, raw: object) -> dict[str, Any] | None:
    reply: list[dict[str, Any]] = []

    def call() -> None:
        envelope = desk.exchange.decode(raw)
        reply.append(desk.exchange.submit(envelope, desk.now_ms).reply)

    if refusal(call) is not None:
        return None
    text = msgspec.json.encode(reply[0]).decode()
    assert reply[0]["status"] in ("ok", "err")
    assert SLIPS.search(text) is None, text[:300]
    return reply[0]


def actions(dice: random.Random, cases: int) -> Counter[str]:
    """However foolish, what Alice signs is answered and moves only what is hers."""
    desk, count = bobs_desk(), Counter[str]()
    bob = bobs_view(desk.exchange, desk.now_ms)
    for case in range(cases):
        count["cases"] += 1
        action = through_json(spoil(dice.choice(ACTIONS), dice), dice)
        raw = signed(desk, action, dice)
        if raw is None:
            raw = {"action": action, "nonce": case, "signature": {"r": "0x1", "s": "0x1", "v": 27}}
        else:
            count["signed"] += 1
        reply = submit(desk, raw)
        count["accepted"] += reply is not None and reply["status"] == "ok"
        if case % 50 == 0:
            desk.exchange.control({"do": "fund", "user": ALICE, "usd": "100000"}, desk.now_ms)
            assert not any(BOB in str(e.data) for e in desk.later().user_events if e.user == ALICE)
            after = bobs_view(desk.exchange, desk.now_ms)
            if '"userFills":[]' not in after.decode() and len(desk.exchange.venue.fills_of(BOB)) > 1:
                bob = after  # he traded with her, as he may
    stripped = [re.sub(rb'"time":\d+|"markPx":"[^"]*"', b"", v) for v in (bob, bobs_view(desk.exchange, desk.now_ms))]
    assert stripped[0] == stripped[1]
    return count


def tampered(dice: random.Random, cases: int) -> Counter[str]:
    """Whatever is changed after signing is refused, unless it means the same; and nothing is executed twice."""
    desk, count = bobs_desk(), Counter[str]()
    for _ in range(cases):
        count["cases"] += 1
        action = dice.choice(ACTIONS)
        original = signed(desk, action, dice)
        assert original is not None
        raw = through_json(spoil(original, dice), dice)
        reply = submit(desk, raw)
        if reply is None or not isinstance(raw, dict):
            continue
        refused = reply["status"] == "err"
        stranger = refused and ("does not exist" in reply["response"] or "Must deposit" in reply["response"])
        if not refused:
            count["executed"] += 1
            assert canonical_action(raw["action"]) == canonical_action(action)
            assert raw["nonce"] == original["nonce"]
            again = submit(desk, raw)
            assert again is not None
            assert again["status"] == "err"
            assert "nonce" in again["response"].lower()
        elif stranger:
            count["strangers"] += 1
            assert raw != original
    return count


_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_PARTS: list[object] = [
    *(0, 1, "0x0", "0x1", hex(_CURVE), hex(_CURVE - 1), hex(2**256 - 1), "0x" + "f" * 65, "zz", ""),
    *(None, [], {}, True, -1, 1.5, "-0x1", "0x" + "1" * 64, " 0x1", "0x_1"),
]


def signatures(dice: random.Random, cases: int) -> Counter[str]:
    """Signatures of any shape: nobody's, and no account comes of them."""
    desk, count = bobs_desk(), Counter[str]()
    accounts = set(desk.exchange.venue.accounts)
    for _ in range(cases):
        count["cases"] += 1
        raw = desk.envelope(ACTIONS[0])
        raw["signature"] = {k: dice.choice(_PARTS) for k in ("r", "s")} | {
            "v": dice.choice([27, 28, 0, 1, 2**70, "27", None])
        }
        reply = submit(desk, raw)
        assert reply is None or reply["status"] == "err"
    assert set(desk.exchange.venue.accounts) == accounts
    return count


def frames(dice: random.Random, cases: int) -> Counter[str]:
    """A socket hears only of what it asked for."""
    desk, count = bobs_desk(), Counter[str]()
    feed = Feed(desk.exchange)
    heard: list[str] = []
    session: Session | None = None
    bob_is_asked_for = False
    for case in range(cases):
        count["cases"] += 1
        if session is None:
            session, bob_is_asked_for = feed.open(heard.append, desk.now_ms), False
        text = as_bytes(spoil(dice.choice(FRAMES), dice), dice).decode(errors="replace")
        bob_is_asked_for = bob_is_asked_for or BOB in text.lower()
        try:
            post = feed.receive(session, text, desk.now_ms)
            if post is not None:
                count["posts"] += 1
                failure = refusal(lambda: _answer(feed, desk, session, post))  # noqa: B023
                if failure is not None:
                    feed.fail(session, post, failure, desk.now_ms)
                feed.forget(post)
        except SocketKilled:
            count["killed"] += 1
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
    assert feed.pending_posts == 0
    return count


def _answer(feed: Feed, desk: Desk, session: Session | None, post: Post) -> None:
    assert session is not None
    if post.kind == "info":
        feed.answer(session, post, desk.exchange.info(post.payload, desk.now_ms), desk.now_ms)
    else:
        reply = desk.exchange.submit(desk.exchange.decode(post.payload), desk.now_ms).reply
        feed.answer(session, post, reply, desk.now_ms)


def control(dice: random.Random, cases: int) -> Counter[str]:
    """Only we reach it, and it still answers every mistake in words."""
    desk, count = bobs_desk(), Counter[str]()
    for case in range(cases):
        count["cases"] += 1
        command = through_json(spoil(dice.choice(CONTROLS), dice), dice)
        with contextlib.suppress(ControlError):
            msgspec.json.encode(desk.exchange.control(command, desk.now_ms))
            count["done"] += 1
        if case % 25 == 0:
            desk.later(700)
    return count


# the whole way -----------------------------------------------------------------------------------------------------------


async def bodies(server: SimServer, http: aiohttp.ClientSession, dice: random.Random, cases: int) -> Counter[str]:
    """Bodies over HTTP, of any content and content type."""
    count = Counter[str]()
    for _ in range(cases):
        road = dice.choice(list(ROADS))
        body = as_bytes(spoil(dice.choice(ROADS[road]), dice), dice)
        kind = dice.choice(["application/json"] * 8 + ["text/plain", "application/json; charset=latin-1", "\u00e9", ""])
        async with http.post(server.url + road, data=body, headers={"Content-Type": kind}) as answer:
            text = await answer.text()
            count["cases"] += 1
            count[str(answer.status)] += 1
            assert answer.status in MAY_ANSWER or (answer.status == 500 and text == "null"), (answer.status, body[:300])
            assert not any(word in text for word in OURS), text[:300]
    return count


async def socket_frames(
    server: SimServer, http: aiohttp.ClientSession, dice: random.Random, cases: int
) -> Counter[str]:
    """A socket is answered or cut; a new one is served."""
    count = Counter[str]()
    while count["cases"] < cases:
        count["sockets"] += 1
        async with http.ws_connect(server.url + "/ws") as ws:
            for _ in range(20):
                count["cases"] += 1
                data = as_bytes(spoil(dice.choice(FRAMES), dice), dice)
                try:
                    if dice.random() < 0.1:
                        await ws.send_bytes(data)
                    else:
                        await ws.send_str(data.decode(errors="replace"))
                except (ConnectionError, aiohttp.ClientConnectionResetError):
                    break
            try:
                while True:
                    message = await ws.receive(timeout=0.05)
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        break
                    count["heard"] += 1
                    assert isinstance(msgspec.json.decode(message.data)["channel"], str)
            except TimeoutError:
                pass
    for _ in range(500):  # what was cut is cleaned up within some turns of the loop
        if not server.feed.sessions:
            break
        await asyncio.sleep(0.02)
    assert server.feed.sessions == []
    assert server.feed.pending_posts == 0
    return count


def sockets(dice: random.Random, cases: int) -> Counter[str]:
    """A server of its own, bodies first and then frames; it lives to the end."""

    async def play() -> Counter[str]:
        server = SimServer(QUIET)
        await server.start()
        async with aiohttp.ClientSession() as http:
            count = await bodies(server, http, dice, cases // 2)
            await server_is_well(server, http)
            count += await socket_frames(server, http, dice, cases // 2)
            await server_is_well(server, http)
        await server.stop()
        return count

    return asyncio.run(play())


async def server_is_well(server: SimServer, http: aiohttp.ClientSession) -> None:
    assert server._blocks is not None
    assert not server._blocks.done(), "the venue died of it"
    server.exchange.faults.clear()  # what /control was made to put in force
    async with http.post(server.url + "/info", json={"type": "meta"}) as answer:
        assert answer.status == 200


ROOMS: dict[str, Callable[[random.Random, int], Counter[str]]] = {
    "venue info": info,
    "venue actions": actions,
    "venue tampered": tampered,
    "venue signatures": signatures,
    "venue frames": frames,
    "venue control": control,
    "venue sockets": sockets,
}
