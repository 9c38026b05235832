"""Every fault there is: what it does in one line, and what can be set of it. The one table behind /control, config file and command line.

Holds no state and strikes nobody (core.sim.faults does). Easy to get wrong: a setting that a fault does not take is refused, not ignored,
so whoever adds a fault that reads a setting names it here.

PROTOCOL 14 (faults worth simulating); issue 3 part 2; issue 4 part 4.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from core.config_errors import shown


class FaultError(ValueError):
    """A fault that does not exist or does not take these settings; the text lists what is allowed."""


class Lasts(Enum):
    """How long a fault is in force when nothing is said about it."""

    ONCE = "once"
    """It strikes once; `count` more often; `for_ms` as often as there is cause, for so long."""
    LONG = "until cleared"
    """It strikes until it is cleared; `count` or `for_ms` end it earlier."""
    STATE = "until cleared, no count"
    """It holds something in a state; `for_ms` ends it earlier."""


class Kind(NamedTuple):
    """One fault."""

    says: str
    lasts: Lasts
    takes: tuple[str, ...] = ()
    """Settings of its own."""
    of_one: bool = True
    """Whether it can be for one `address`."""
    text: str = ""
    """What `text` is when nothing is said."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every setting it takes."""
        count = () if self.lasts is Lasts.STATE else ("count",)
        return (*count, "for_ms", "after_ms", *(("address",) if self.of_one else ()), *self.takes)


class Setting(NamedTuple):
    says: str
    kind: type
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()


_DAY_MS = 86_400_000
_MOST_TEXT = 500
_MOST_NAMES = 50

SETTINGS: dict[str, Setting] = {
    "count": Setting("how often it strikes", int, 1, 1_000_000),
    "for_ms": Setting("how long it stays in force", int, 1, _DAY_MS),
    "after_ms": Setting("how long from now it begins", int, 1, _DAY_MS),
    "address": Setting("the one account it strikes", str),
    "ms": Setting("the time it is about", int, 1, _DAY_MS),
    "text": Setting("what is said", str),
    "level": Setting("of each order, or of the action as a whole", str, choices=("order", "action")),
    "road": Setting("which requests", str, choices=("both", "info", "exchange")),
    "executed": Setting("whether what was asked is done all the same", bool),
    "channels": Setting("which channels, by the name their frames bear", tuple),
    "coin": Setting("the one market it strikes", str),
    "percent": Setting("how much is left", int, 1, 100),
    "side": Setting("which side of the book", str, choices=("bids", "asks")),
    "factor": Setting("how many times the usual", int, 1, 100),
    "bps": Setting("how far, in basis points", int, -5_000, 5_000),
    "changes": Setting("what of the market's rules", dict),
    "dex": Setting("the one dex by its name, empty for the main one", str),
    "answer": Setting(
        "what comes instead: a failure of HTTP, or nothing", str, choices=("500", "502", "429", "silence")
    ),
    "requests": Setting("which info requests, by type; default every one that is about one dex", tuple),
}
"""What each setting is. Which fault takes which: `Kind.allowed`."""

DEFAULTS: dict[str, Any] = {
    "ms": 1_000,
    "level": "order",
    "road": "both",
    "executed": False,
    "channels": (),
    "percent": 50,
    "side": "bids",
    "factor": 5,
    "bps": 100,
    "answer": "500",
    "requests": (),
}

SPEC_CHANGES: dict[str, type] = {
    "sz_decimals": int,
    "max_leverage": int,
    "index": int,
    "growth_mode": bool,
    "is_delisted": bool,
    "deployer_fee_scale": Decimal,
}
"""What change_spec can change of a market, and what it is."""

DEX_READS = (
    "clearinghouseState",
    "openOrders",
    "frontendOpenOrders",
    "meta",
    "metaAndAssetCtxs",
    "allMids",
    "perpDexLimits",
    "perpDexStatus",
    "perpsAtOpenInterestCap",
)
"""Info requests that are about one dex; the main one where none is named."""

_ONCE, _LONG, _STATE = Lasts.ONCE, Lasts.LONG, Lasts.STATE
_HTTP = ("road", "executed")

GROUPS: dict[str, dict[str, Kind]] = {
    "on the way between client and venue": {
        "lose_request": Kind("an action never reaches the venue and is never answered", _ONCE),
        "lose_reply": Kind("an action is executed, its reply is lost", _ONCE),
        "late_reply": Kind("an action's reply comes `ms` later", _ONCE, ("ms",)),
        "black_hole": Kind(
            "an action is executed, and nothing is said of it on any channel until somebody asks for orders or fills",
            _ONCE,
        ),
        "drop_after_execution": Kind("an action is executed, then the connection is cut before the reply", _ONCE),
        "latency_storm": Kind("every request and every reply takes up to `ms` longer", _LONG, ("ms",), of_one=False),
        "slow_reads": Kind(
            "frames of a client are read `ms` apart and pile up before the venue", _LONG, ("ms",), of_one=False
        ),
        "drop_connections": Kind(
            "all WebSockets are dropped without a close frame, at once and again every `ms`",
            _ONCE,
            ("ms",),
            of_one=False,
        ),
        "refuse_connections": Kind("no new WebSocket is let in", _LONG, of_one=False),
        "idle_close": Kind(
            "a WebSocket that was sent nothing for `ms` is dropped, as it is after 60 s", _LONG, ("ms",), of_one=False
        ),
        "kill_on_subscribe": Kind("a subscribe kills its socket, as an unknown coin does", _ONCE, of_one=False),
    },
    "what HTTP and posts answer instead": {
        "http_429": Kind("a request is refused with HTTP 429 and a line of text", _ONCE, _HTTP, of_one=False),
        "http_502": Kind(
            "a request is answered by the edge, with HTTP 502 and a page of HTML", _ONCE, _HTTP, of_one=False
        ),
        "http_500": Kind("a request is answered with HTTP 500 and null", _ONCE, _HTTP, of_one=False),
        "info_down": Kind("info requests fail with HTTP 502", _LONG, of_one=False),
        "dex_reads_fail": Kind(
            "info requests about the dex `dex` (clearinghouseState, openOrders, meta, ...) fail by `answer`; other dexes answer",
            _LONG,
            ("dex", "answer", "requests"),
        ),
        "post_error": Kind(
            "a post over the WebSocket is not carried out and answered with an error payload, `text`",
            _ONCE,
            ("text",),
            of_one=False,
            text="Internal error",
        ),
    },
    "what the venue tells": {
        "silent_channels": Kind(
            "subscriptions deliver nothing (of `channels`; default all) while pong still works", _LONG, ("channels",)
        ),
        "mute_order_updates": Kind("orderUpdates frames are not sent", _LONG),
        "duplicate_snapshot": Kind("the snapshot of an account channel is sent twice on subscribe", _ONCE),
        "duplicate_frames": Kind("a live frame of an account channel is sent twice", _ONCE),
        "delay_frames": Kind("live frames (of `channels`; default all) come `ms` late", _LONG, ("ms", "channels")),
        "reorder_frames": Kind(
            "a live frame (of `channels`; default all) is overtaken by the next one, or comes `ms` late",
            _ONCE,
            ("ms", "channels"),
        ),
        "fill_delay": Kind("a frame of fills comes `ms` after its trade, the order update at once", _ONCE, ("ms",)),
        "update_delay": Kind("a frame of order updates comes `ms` late, the fills at once", _ONCE, ("ms",)),
        "skip_fill_frame": Kind("a frame of fills is never sent; info knows the fills", _ONCE),
        "odd_status": Kind(
            "an order that ended is told with the status `text`, which nobody knows; its fate is what it is",
            _ONCE,
            ("text",),
            text="holdingPattern",
        ),
    },
    "what the venue answers": {
        "unknown_oid_once": Kind("orderStatus answers unknownOid although the order exists", _ONCE),
        "empty_clearinghouse_once": Kind("clearinghouseState answers an empty account", _ONCE),
        "stale_open_orders": Kind("openOrders answers what was true `ms` ago", _ONCE, ("ms",)),
        "stale_clearinghouse": Kind("clearinghouseState answers what was true `ms` ago", _ONCE, ("ms",)),
        "clock_ahead": Kind("exchangeStatus tells a time that is `ms` ahead", _STATE, ("ms",), of_one=False),
        "clock_behind": Kind("exchangeStatus tells a time that is `ms` behind", _STATE, ("ms",), of_one=False),
    },
    "what the venue refuses": {
        "post_only": Kind("orders other than Alo are refused as after a network upgrade", _LONG),
        "reject_all": Kind(
            "every order is refused with `text`; with level = action the whole action is",
            _LONG,
            ("text", "level"),
            text="Rejected by the simulator's fault.",
        ),
        "collapse_batch": Kind(
            "orders are not executed and answered by one error for all, `text`; with level = action as a refused action",
            _ONCE,
            ("text", "level"),
            text="Order has invalid size.",
        ),
        "duplicate_nonce": Kind("an action is refused as if its nonce were used up, although it is new", _ONCE),
        "rate_limited": Kind(
            "the request budget counts as used up: one action per 10 s, and userRateLimit says so", _STATE
        ),
        "expire_agent": Kind("every agent's approval (of the one account) ends now and for good", _ONCE),
    },
    "what happens to orders and markets (of one coin; default every market that moves)": {
        "thin_book": Kind("an IOC finds only `percent` of its size, rounded to lots", _ONCE, ("coin", "percent")),
        "halt": Kind("nothing trades: the book is empty and orders are refused", _STATE, ("coin",), of_one=False),
        "one_sided": Kind("all quotes of `side` are gone", _STATE, ("coin", "side"), of_one=False),
        "spread_shock": Kind("the spread is `factor` times the usual one", _STATE, ("coin", "factor"), of_one=False),
        "price_gap": Kind("oracle and book jump by `bps` at once", _ONCE, ("coin", "bps"), of_one=False),
        "change_spec": Kind(
            "the rules of `coin` change for good, by `changes`: " + ", ".join(SPEC_CHANGES),
            _ONCE,
            ("coin", "changes"),
            of_one=False,
        ),
        "change_fees": Kind(
            "fees are `factor` times the usual from now on, as told by userFees and as charged",
            _ONCE,
            ("factor",),
            of_one=False,
        ),
        "shift_dexs": Kind(
            "the last builder dex becomes the first in perpDexs: all asset ids of builder dexes change",
            _ONCE,
            of_one=False,
        ),
    },
}

KINDS: dict[str, Kind] = {name: kind for group in GROUPS.values() for name, kind in group.items()}
FAULTS: dict[str, str] = {name: kind.says for name, kind in KINDS.items()}


def kind_of(name: str) -> Kind:
    """
    Raises:
        FaultError: No such fault.
    """
    kind = KINDS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, KINDS, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise FaultError(f"{shown(name)} does not exist; {meant}allowed: {', '.join(KINDS)}")
    return kind


def check_settings(name: str, settings: Mapping[str, Any]) -> None:
    """That a fault exists, takes these settings, and that their values are possible. Which coins are listed is the board's to know.

    Raises:
        FaultError: With what is allowed.
    """
    kind = kind_of(name)
    for key, value in settings.items():
        if key not in kind.allowed:
            raise FaultError(
                f"{name}: {key} = {shown(value)}: {_who_takes(key)}; {name} takes {', '.join(kind.allowed)}"
            )
        _check_value(name, key, value)
    if name == "change_spec" and not (settings.get("coin") and settings.get("changes")):
        raise FaultError(f"change_spec: expected a coin and changes: {', '.join(SPEC_CHANGES)}")
    if name == "dex_reads_fail":
        _check_dex_reads(settings)


def _check_dex_reads(settings: Mapping[str, Any]) -> None:
    if "dex" not in settings:
        raise FaultError("dex_reads_fail: expected dex, the name of one; empty for the main one")
    for kind in settings.get("requests", ()):
        if kind not in DEX_READS:
            raise FaultError(f"dex_reads_fail: requests = {shown(kind)}: allowed are {', '.join(DEX_READS)}")


def _who_takes(key: str) -> str:
    takers = [name for name, kind in KINDS.items() if key in kind.allowed]
    if not takers:
        return "no fault has it"
    if key in ("count", "address"):
        return "this fault has it not"
    return f"only {', '.join(takers)} {'has' if len(takers) == 1 else 'have'} it"


def _check_value(name: str, key: str, value: Any) -> None:
    setting = SETTINGS[key]
    at = f"{name}: {key} = {shown(value)}"
    if setting.choices and value not in setting.choices:
        raise FaultError(f"{at}: allowed are {', '.join(setting.choices)}")
    if setting.kind is int:
        if not isinstance(value, int) or isinstance(value, bool) or not setting.low <= value <= setting.high:
            raise FaultError(f"{at}: expected an integer, {setting.low} to {setting.high}")
    elif setting.kind is bool and not isinstance(value, bool):
        raise FaultError(f"{at}: expected true or false")
    elif setting.kind is str and not _is_text(value):
        raise FaultError(f"{at}: expected text of at most {_MOST_TEXT} characters")
    elif setting.kind is tuple and not _is_list_of_names(value):
        raise FaultError(f"{at}: expected a list of at most {_MOST_NAMES} names")
    elif setting.kind is dict:
        _check_changes(name, value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_TEXT


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) <= _MOST_NAMES and all(_is_text(v) for v in value)


def _check_changes(name: str, changes: Any) -> None:
    if not isinstance(changes, Mapping):
        raise FaultError(f"{name}: changes: expected an object with any of {', '.join(SPEC_CHANGES)}")
    for key, value in changes.items():
        kind = SPEC_CHANGES.get(key)
        if kind is None:
            raise FaultError(f"{name}: changes: {shown(key)}: allowed are {', '.join(SPEC_CHANGES)}")
        if type(value) is not kind:
            raise FaultError(f"{name}: changes: {key} = {shown(value)}: expected {kind.__name__}")
