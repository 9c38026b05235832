"""What only an emergency asks: which dexes there are, what is mid on one of them, and which TWAPs of an account are running. Pure.

As everywhere: an answer that makes no sense raises ValueError and is never read as "nothing there". Easy to get wrong: the history of
TWAPs lists one entry for each change of state, so the running ones are those that began and did not end; the action that cancels one is
answered in a shape of its own.

PROTOCOL 2.2, 4.3, 8.5.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from core.hyperliquid.actions import Action
from core.hyperliquid.wire_values import UNREADABLE, Id, Name, market, price, quoted
from core.model.market import MAIN_DEX, MarketKey


def read_dex_names(raw: bytes) -> tuple[str, ...]:
    """Every dex of the exchange, the main one first.

    Raises:
        ValueError: Not such a list.
    """
    entries = _json(raw)
    if not isinstance(entries, list) or not entries or entries[0] is not None:
        raise ValueError(f"perpDexs: expected a list whose first element is null (the main dex): {quoted(raw)}")
    names = [MAIN_DEX]
    for index, entry in enumerate(entries[1:], start=1):
        if entry is None:
            continue  # a slot without a dex
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise ValueError(f"perpDexs[{index}]: expected an object with a name")
        names.append(name)
    return tuple(names)


def read_mids(raw: bytes, dex: str) -> dict[MarketKey, Decimal]:
    """Mid of each market of the dex; what cannot be read is left out, for nobody has to trade by it.

    Raises:
        ValueError: Not such an answer.
    """
    answer = _json(raw)
    if not isinstance(answer, dict):
        raise ValueError(f"allMids: expected an object: {quoted(raw)}")
    mids = {}
    for name, text in answer.items():
        try:
            key = market(name)
            if key.dex == dex:
                mids[key] = price(text)
        except (*UNREADABLE, TypeError):
            continue
    return mids


class _TwapState(Struct):
    coin: Name


class _TwapEntry(Struct):
    state: _TwapState
    status: dict[str, Any]
    twapId: Id | None = None


_decode_twaps = msgspec.json.Decoder(list[_TwapEntry]).decode


def read_running_twaps(raw: bytes) -> tuple[tuple[MarketKey, int], ...]:
    """Market and id of each TWAP that began and did not end.

    Raises:
        ValueError: Not such a history.
    """
    try:
        entries = _decode_twaps(raw)
    except UNREADABLE as e:
        raise ValueError(f"twapHistory makes no sense ({e}): {quoted(raw)}") from None
    began: dict[int, MarketKey] = {}
    ended = set()
    for entry in entries:
        if entry.twapId is None or entry.state.coin.startswith("@") or "/" in entry.state.coin:
            continue  # without an id nothing can be cancelled; a spot pair opens no position
        if entry.status.get("status") == "activated":
            began[entry.twapId] = market(entry.state.coin)
        else:
            ended.add(entry.twapId)
    return tuple((key, twap_id) for twap_id, key in began.items() if twap_id not in ended)


def twap_cancel_action(asset_id: int, twap_id: int) -> Action:
    """One action that ends one TWAP."""
    return {"type": "twapCancel", "a": asset_id, "t": twap_id}


class _TwapAnswer(Struct):
    status: str
    response: Raw


_decode_twap_answer = msgspec.json.Decoder(_TwapAnswer).decode


def read_twap_cancel(raw: bytes) -> str:
    """Why it was not cancelled; empty if it was.

    Raises:
        ValueError: The answer makes no sense; what became of it is not known.
    """
    try:
        answer = _decode_twap_answer(raw)
        response = _json(bytes(answer.response))
    except UNREADABLE as e:
        raise ValueError(f"answer makes no sense ({e}): {quoted(raw)}") from None
    if answer.status != "ok":
        return str(response)
    data = response.get("data") if isinstance(response, dict) else None
    if not isinstance(data, dict):
        raise ValueError(f"answer makes no sense: {quoted(raw)}")
    status = data.get("status")
    if status == "success":
        return ""
    return str(status.get("error", status)) if isinstance(status, dict) else str(status)


def _json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE as e:
        raise ValueError(f"not JSON ({e}): {quoted(raw)}") from None
