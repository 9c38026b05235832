"""WebSocket frames -> events. Pure: text in, values out; a frame that cannot be read becomes a ChannelError, never an exception.

Rules that are easy to get wrong: orderUpdates is an array, and one bad element must not cost the others; the fills snapshot comes newest
first; an answer to a post fails on three layers (an error in place of an answer, a refused action, an error inside ``statuses``), and one
that cannot be read leaves the outcome open instead of closing it.

PROTOCOL 6, 7.1, 10; LESSONS L03, L35, L36.
"""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from core.hyperliquid.wire_values import (
    UNREADABLE,
    Id,
    Name,
    TimeMs,
    WireFill,
    WireOrderUpdate,
    amount,
    market,
    number,
    oldest_first,
    price,
    quoted,
)
from core.messages.events import (
    AnyEvent,
    AssetCtx,
    Bbo,
    ChannelError,
    Fills,
    OrderOutcome,
    OrderReport,
    OrderUpdates,
    Outcome,
    PostRefused,
    PostReply,
    Subscribed,
)
from core.model.market import MarketKey
from core.model.position import Fill


class PongReceived(Struct, frozen=True):
    """The answer to our ping. For the gateway alone, the engine never sees it."""


Parsed = AnyEvent | PongReceived

GREETING = b"Websocket connection established."
"""Some connections open with this plain text."""


class _Envelope(Struct):
    channel: str
    data: Raw = Raw(b"null")


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def parse_frame(raw: str | bytes, account: str = "") -> list[Parsed]:
    """Read one frame.

    Args:
        account: Whose fills were asked for, in lower case. Fills of anybody else are an error, never ours. Empty: anybody's.

    Returns:
        What it says, in order; empty for a frame that says nothing to us (the greeting, an acknowledged unsubscribe).
    """
    try:
        envelope = _decode_envelope(raw)
    except UNREADABLE as e:
        text = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
        return [] if text.strip() == GREETING else [ChannelError(f"frame not understood ({e}): {quoted(text)}")]
    channel = envelope.channel
    reader = _READERS.get(channel)
    if reader is None:
        return [ChannelError(f"channel {quoted(channel)} is not one of ours: {quoted(bytes(envelope.data))}")]
    try:
        return _read_user_fills(envelope.data, account) if reader is _read_user_fills else reader(envelope.data)
    except UNREADABLE as e:
        return [ChannelError(f"{channel} not understood ({e}): {quoted(bytes(envelope.data))}")]


# --- market data -----------------------------------------------------------------------------------------------------


class _Level(Struct):
    px: str
    sz: str


class _BboData(Struct):
    coin: Name
    time: TimeMs
    bbo: tuple[_Level | None, _Level | None]


class WireBook(Struct):
    """l2Book, as a frame and as an answer alike."""

    coin: Name
    time: TimeMs
    levels: tuple[list[_Level], list[_Level]]

    def bbo(self) -> Bbo:
        bids, asks = self.levels
        return _bbo(self.coin, self.time, bids[0] if bids else None, asks[0] if asks else None, from_book=True)


class _Ctx(Struct):
    markPx: str
    oraclePx: str
    openInterest: str
    funding: str
    midPx: str | None = None


class _AssetCtxData(Struct):
    coin: Name
    ctx: _Ctx


_decode_bbo = msgspec.json.Decoder(_BboData).decode
_decode_book = msgspec.json.Decoder(WireBook).decode
_decode_ctx = msgspec.json.Decoder(_AssetCtxData).decode


def _bbo(coin: str, time_ms: int, bid: _Level | None, ask: _Level | None, *, from_book: bool) -> Bbo:
    return Bbo(
        market(coin),
        time_ms,
        price(bid.px) if bid else None,
        amount(bid.sz) if bid else None,
        price(ask.px) if ask else None,
        amount(ask.sz) if ask else None,
        from_book,
    )


def _read_bbo(data: Raw) -> list[Parsed]:
    d = _decode_bbo(data)
    return [_bbo(d.coin, d.time, d.bbo[0], d.bbo[1], from_book=False)]


def _read_book(data: Raw) -> list[Parsed]:
    return [_decode_book(data).bbo()]


def _read_ctx(data: Raw) -> list[Parsed]:
    d = _decode_ctx(data)
    c = d.ctx
    mid: Decimal | None = price(c.midPx) if c.midPx is not None else None
    key: MarketKey = market(d.coin)
    return [AssetCtx(key, price(c.oraclePx), price(c.markPx), mid, amount(c.openInterest), number(c.funding))]


# --- account ---------------------------------------------------------------------------------------------------------


class _FillsData(Struct):
    fills: list[Raw]
    isSnapshot: bool | None = None
    user: str | None = None


class _UserData(Struct):
    """userEvents: exactly one of these per frame. Funding says nothing that positions do not."""

    fills: list[Raw] | None = None
    liquidation: Raw = Raw()
    nonUserCancel: Raw = Raw()
    funding: Raw = Raw()


_decode_list = msgspec.json.Decoder(list[Raw]).decode
_decode_update = msgspec.json.Decoder(WireOrderUpdate).decode
_decode_fill = msgspec.json.Decoder(WireFill).decode
_decode_fills = msgspec.json.Decoder(_FillsData).decode
_decode_user = msgspec.json.Decoder(_UserData).decode


def _read_order_updates(data: Raw) -> list[Parsed]:
    errors: list[Parsed] = []
    reports: list[OrderReport] = []
    for element in _decode_list(data):
        try:
            reports.append(_decode_update(element).report())
        except UNREADABLE as e:
            errors.append(ChannelError(f"orderUpdates: an element was not understood ({e}): {quoted(bytes(element))}"))
    return [OrderUpdates(tuple(reports)), *errors] if reports else errors


def _read_fill_list(elements: list[Raw], channel: str, is_snapshot: bool) -> list[Parsed]:
    errors: list[Parsed] = []
    fills: list[Fill] = []
    for element in elements:
        try:
            fills.append(_decode_fill(element).fill())
        except UNREADABLE as e:
            errors.append(ChannelError(f"{channel}: a fill was not understood ({e}): {quoted(bytes(element))}"))
    # An empty snapshot is news (nothing was ever filled); an empty list of live fills is not.
    return [Fills(oldest_first(fills), is_snapshot), *errors] if fills or is_snapshot else errors


def _read_user_fills(data: Raw, account: str = "") -> list[Parsed]:
    d = _decode_fills(data)
    if account and d.user and d.user.lower() != account:
        return [ChannelError("userFills of another user, ignored")]
    return _read_fill_list(d.fills, "userFills", bool(d.isSnapshot))


def _read_user(data: Raw) -> list[Parsed]:
    d = _decode_user(data)
    if d.fills is not None:
        return _read_fill_list(d.fills, "user", False)
    if bytes(d.liquidation):
        return [ChannelError(f"liquidation: {quoted(bytes(d.liquidation))}")]
    if bytes(d.nonUserCancel):
        return [ChannelError(f"canceled by the exchange: {quoted(bytes(d.nonUserCancel))}")]
    if bytes(d.funding):
        return []
    raise ValueError("none of fills, funding, liquidation, nonUserCancel")


# --- the connection itself -------------------------------------------------------------------------------------------


class _Subscription(Struct):
    type: str
    coin: str | None = None
    user: str | None = None
    dex: str | None = None


class _SubscriptionAck(Struct):
    method: str
    subscription: _Subscription


_decode_ack = msgspec.json.Decoder(_SubscriptionAck).decode
_decode_text = msgspec.json.Decoder(str).decode
_PENDING_POST = re.compile(r"too many pending post requests id=(\d{1,18})\b")


def _read_ack(data: Raw) -> list[Parsed]:
    d = _decode_ack(data)
    s = d.subscription
    return [Subscribed(s.type, s.coin or s.user or s.dex or "")] if d.method == "subscribe" else []


def _read_error(data: Raw) -> list[Parsed]:
    text = _decode_text(data)
    parsed: list[Parsed] = [ChannelError(text[:1000])]
    if match := _PENDING_POST.match(text):
        parsed.append(PostRefused(int(match[1]), text, is_transport=True))
    return parsed


def _read_pong(data: Raw) -> list[Parsed]:
    return [PongReceived()]


# --- answers to posts --------------------------------------------------------------------------------------------------


class _PostBody(Struct):
    type: str
    payload: Raw = Raw(b"null")


class _PostData(Struct):
    id: Id
    response: Raw


class _ActionAnswer(Struct):
    status: str
    response: Raw


class _StatusList(Struct):
    statuses: list[Raw]


class _ActionResponse(Struct):
    type: str
    data: _StatusList | None = None


class _Resting(Struct):
    oid: Id


class _Filled(Struct):
    oid: Id
    totalSz: str
    avgPx: str


class _StatusElement(Struct):
    resting: _Resting | None = None
    filled: _Filled | None = None
    error: str | None = None


_decode_post = msgspec.json.Decoder(_PostData).decode
_decode_post_body = msgspec.json.Decoder(_PostBody).decode
_decode_answer = msgspec.json.Decoder(_ActionAnswer).decode
_decode_response = msgspec.json.Decoder(_ActionResponse).decode
_decode_element = msgspec.json.Decoder(_StatusElement | str).decode

_WORDS = {
    "success": Outcome.CANCELED,
    "waitingForFill": Outcome.WAITING,
    "waitingForTrigger": Outcome.WAITING,
}


def _read_post(data: Raw) -> list[Parsed]:
    d = _decode_post(data)
    try:
        return [_read_post_body(d.id, d.response)]
    except UNREADABLE as e:
        text = f"answer to post {d.id} not understood ({e}): {quoted(bytes(d.response))}"
        return [ChannelError(text), PostRefused(d.id, text, is_transport=True)]


def _read_post_body(post_id: int, response: Raw) -> PostReply | PostRefused:
    body = _decode_post_body(response)
    if body.type == "error":
        return PostRefused(post_id, _any_text(body.payload), is_transport=True)
    if body.type != "action":
        raise ValueError(f"type {quoted(body.type)}: expected action or error")
    found = read_action_answer(body.payload)
    return PostRefused(post_id, found) if isinstance(found, str) else PostReply(post_id, found)


def read_action_answer(payload: Raw | bytes) -> tuple[OrderOutcome, ...] | str:
    """What an action was answered, over either road: an outcome per item, or the text of a refusal.

    Raises:
        msgspec.DecodeError, ValueError: The answer makes no sense; what became of the action is not known.
    """
    answer = _decode_answer(payload)
    if answer.status == "err":
        return _any_text(answer.response)
    if answer.status != "ok":
        raise ValueError(f"status {quoted(answer.status)}: expected ok or err")
    result = _decode_response(answer.response)
    statuses = result.data.statuses if result.data is not None else []
    return tuple(_outcome(s) for s in statuses)


def _any_text(raw: Raw) -> str:
    """A JSON string as text; anything else as it stands, for these bodies are not all documented."""
    try:
        return _decode_text(raw)
    except UNREADABLE:
        return bytes(raw)[:1000].decode("utf-8", "replace")


def _outcome(raw: Raw) -> OrderOutcome:
    """One element of ``statuses``. Never raises: the others must be judged whatever this one is."""
    try:
        element = _decode_element(raw)
        if isinstance(element, str):
            return OrderOutcome(_WORDS.get(element, Outcome.UNREADABLE), error="" if element in _WORDS else element)
        if element.error is not None:
            return OrderOutcome(Outcome.ERROR, error=element.error)
        if element.filled is not None:
            f = element.filled
            return OrderOutcome(Outcome.FILLED, f.oid, amount(f.totalSz), price(f.avgPx))
        if element.resting is not None:
            return OrderOutcome(Outcome.RESTING, element.resting.oid)
    except UNREADABLE:
        pass  # falls through to UNREADABLE, which carries the text
    return OrderOutcome(Outcome.UNREADABLE, error=quoted(bytes(raw)))


_READERS = {
    "bbo": _read_bbo,
    "activeAssetCtx": _read_ctx,
    "l2Book": _read_book,
    "orderUpdates": _read_order_updates,
    "userFills": _read_user_fills,
    "user": _read_user,
    "post": _read_post,
    "subscriptionResponse": _read_ack,
    "error": _read_error,
    "pong": _read_pong,
}
