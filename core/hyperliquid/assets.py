"""Which markets a dex has and what their rules are, read from the exchange's own lists.

Decides nothing by memory: an asset id is two positions in lists that differ between networks and grow with time. Reads all of a
dex, delisted markets too, because they keep their slots and so the slots of the others.
Easy to get wrong: element 0 of ``perpDexs`` is null and is the main dex, so the first builder dex has index 1.

SPEC 2; PROTOCOL 2.1-2.4, 2.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from core.model.market import MAIN_DEX, MarginMode, MarketKey, MarketSpec, asset_id, hip3_fee_scale
from core.model.rounding import MAX_PERP_DECIMALS


def read_universe(perp_dexs_json: Any, meta_json: Any, dex: str) -> tuple[MarketSpec, ...]:
    """Every market of one dex, in the exchange's order.

    Args:
        perp_dexs_json: Answer to ``{"type": "perpDexs"}``.
        meta_json: Answer to ``{"type": "meta", "dex": dex}``.
        dex: Name of the dex, empty for the main one.

    Raises:
        ValueError: The dex does not exist, or an answer has a shape that is not understood; names the place.
    """
    dex_index, dex_entry = _find_dex(perp_dexs_json, dex)
    universe = meta_json.get("universe") if isinstance(meta_json, dict) else None
    if not isinstance(universe, list):
        raise ValueError(f"meta of dex {dex!r}: expected an object with a list 'universe'")
    specs = tuple(_market(entry, index, dex, dex_index, dex_entry) for index, entry in enumerate(universe))
    names = [spec.market for spec in specs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"meta of dex {dex!r}: {twice} is listed twice")
    return specs


def check_pinned(specs: Iterable[MarketSpec], market: MarketKey, pinned_id: int) -> str | None:
    """Whether the asset id pinned in the config is the market's.

    Args:
        specs: Everything that was read, of all dexes; the more, the better the answer names what the id really is.
        market: The market the config means.
        pinned_id: The id the config pins.

    Returns:
        None when it is; else one sentence that names both markets. Trading on would be a valid order on the other one.
    """
    actual: MarketSpec | None = None
    other: MarketSpec | None = None
    for spec in specs:
        if spec.market == market:
            actual = spec
        if spec.asset_id == pinned_id:
            other = spec
    if actual is not None and actual.asset_id == pinned_id:
        return None
    is_really = (
        f"asset id {pinned_id} is {other.market}" if other else f"asset id {pinned_id} is no market that was read"
    )
    if actual is None:
        return f"{market} is pinned to asset id {pinned_id}, but the exchange does not list {market}; {is_really}"
    return (
        f"{market} is pinned to asset id {pinned_id}, but the exchange says {market} is {actual.asset_id}; {is_really}"
    )


def _find_dex(perp_dexs: Any, dex: str) -> tuple[int, dict[str, Any]]:
    if not isinstance(perp_dexs, list) or not perp_dexs or perp_dexs[0] is not None:
        raise ValueError("perpDexs: expected a list whose first element is null (the main dex)")
    if dex == MAIN_DEX:
        return 0, {}
    names = []
    for index, entry in enumerate(perp_dexs[1:], start=1):
        if entry is None:
            continue  # a slot without a dex keeps the indices of those behind it
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise ValueError(f"perpDexs[{index}]: expected an object with a name")
        if name == dex:
            return index, entry
        names.append(name)
    raise ValueError(f"dex {dex!r} does not exist; the exchange has: {', '.join(names) or 'none besides the main dex'}")


def _market(entry: Any, index: int, dex: str, dex_index: int, dex_entry: dict[str, Any]) -> MarketSpec:
    where = f"meta of dex {dex!r}, universe[{index}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ValueError(f"{where}: expected an object with a name")
    where += f" ({entry['name']})"
    market = MarketKey.parse(entry["name"])
    if market.dex != dex:
        raise ValueError(f"{where}: the name belongs to dex {market.dex!r}")
    growth = _growth_mode(entry, where)
    return MarketSpec(
        market=market,
        asset_id=asset_id(dex_index, index),
        index=index,
        sz_decimals=_integer(entry, "szDecimals", 0, MAX_PERP_DECIMALS, where),
        max_leverage=_integer(entry, "maxLeverage", 1, 1000, where),
        margin_mode=_margin_mode(entry, where),
        growth_mode=growth,
        fee_scale=Decimal(1) if dex == MAIN_DEX else hip3_fee_scale(_deployer_scale(entry, dex_entry, where), growth),
        is_delisted=_flag(entry, "isDelisted", where),
    )


def _integer(entry: dict[str, Any], field: str, low: int, high: int, where: str) -> int:
    value = entry.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{where}: {field}: expected an integer from {low} to {high}, found {value!r}")
    return value


def _flag(entry: dict[str, Any], field: str, where: str) -> bool:
    """A flag whose key is normally absent when it is false."""
    value = entry.get(field)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{where}: {field}: expected true or false, found {value!r}")
    return bool(value)


def _margin_mode(entry: dict[str, Any], where: str) -> MarginMode:
    mode = entry.get("marginMode")
    if mode is None:
        # The deprecated twin of the field, on its own in older answers.
        return MarginMode.NO_CROSS if _flag(entry, "onlyIsolated", where) else MarginMode.CROSS
    for known in (MarginMode.NO_CROSS, MarginMode.STRICT_ISOLATED):
        if mode == known.value:
            return known
    raise ValueError(f"{where}: marginMode: expected noCross or strictIsolated, found {mode!r}")


def _growth_mode(entry: dict[str, Any], where: str) -> bool:
    mode = entry.get("growthMode")
    if mode not in (None, "enabled", "disabled"):
        raise ValueError(f"{where}: growthMode: expected enabled or disabled, found {mode!r}")
    return bool(mode == "enabled")


def _deployer_scale(entry: dict[str, Any], dex_entry: dict[str, Any], where: str) -> Decimal:
    """Seen per market in newer answers and per dex in older ones; the market's own wins. Without either: 1."""
    for source in (entry, dex_entry):
        text = source.get("deployerFeeScale")
        if text is None:
            continue
        try:
            scale = Decimal(text) if isinstance(text, str) else None
        except InvalidOperation:
            scale = None
        if scale is None or not scale.is_finite() or scale < 0:
            raise ValueError(f"{where}: deployerFeeScale: expected a decimal number as a string, found {text!r}")
        return scale
    return Decimal(1)
