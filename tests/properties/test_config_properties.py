"""A valid config survives its way through a TOML file; one thing wrong in it gives one clear ConfigError that names the key, and nothing
else ever comes out: no other exception, no default in its place, no secret on the screen.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
import tomli_w
from config_strategies import KEPT_APART, valid_configs
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import Meta, Struct
from msgspec.structs import replace
from property_budget import examples

from core.config import (
    AccountConfig,
    Config,
    ConfigError,
    EnvVarKey,
    FileKey,
    JournalConfig,
    MarketConfig,
    SafetyConfig,
    SignerConfig,
    SimConfig,
    SimulatorKey,
    parse_config,
)

FILE = "my.toml"
SOURCES = {"env_var": EnvVarKey, "file": FileKey, "simulator": SimulatorKey}

Table = dict[str, Any]


def as_tables(config: Config) -> Table:
    """What the file of this config says: no nulls, Decimals as numbers."""
    tables: Table = without_nulls(msgspec.to_builtins(config, builtin_types=[Decimal]))
    return tables


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, (list, tuple)) else value


def refusal(tables: Table) -> str:
    """The one error that must come, as text."""
    with pytest.raises(ConfigError) as caught:
        parse_config(tomli_w.dumps(tables), FILE)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "one error, no chain of causes"
    message = str(caught.value)
    assert message.startswith(f"{FILE}: ")
    assert "\n" not in message, "one line"
    assert len(message) < 2000
    return message


@examples(25)
@given(valid_configs())
def test_a_valid_config_survives_its_file(config: Config) -> None:
    assert parse_config(tomli_w.dumps(as_tables(config)), FILE) == config


@examples(25)
@given(valid_configs())
def test_what_the_file_leaves_out_is_the_default(config: Config) -> None:
    """Settings that are at their default may as well be absent."""
    short = without_nulls(
        msgspec.json.decode(msgspec.json.encode(config))
        | {s: changed(getattr(config, s)) for s in ("safety", "execution", "risk", "journal", "sim", "console")}
    )
    assert parse_config(tomli_w.dumps(short), FILE) == config


def changed(section: Struct) -> Table:
    default = type(section)()
    values = msgspec.to_builtins(section, builtin_types=[Decimal])
    return {n: values[n] for n in section.__struct_fields__ if getattr(section, n) != getattr(default, n)}


# --- where everything is ----------------------------------------------------------------------------------------------------


class Place(Struct, frozen=True):
    """A setting in the file: the table that holds it, its name, what may stand there."""

    holder: Table
    key: str
    hint: Any
    meta: Meta | None
    ranges: tuple[str, str] | None


def places(struct: Any, table: Table) -> Iterator[Place]:
    """Every setting that the file spells out."""
    hints = get_type_hints(struct, include_extras=True)
    for key in [k for k in struct.__struct_fields__ if k in table]:
        hint, meta = plain(hints[key])
        yield Place(table, key, hint, meta, struct.ranges.get(key))
        value = table[key]
        if key == "key_source":
            yield from places(SOURCES[value["type"]], value)
        elif isinstance(value, dict) and is_section(hint):
            yield from places(hint, value)
        elif key == "markets" and value and isinstance(value[0], dict):
            for each in value:
                yield from places(get_args(hint)[0], each)


def is_section(hint: Any) -> bool:
    """Not a table whose keys are the operator's to choose from a list that is elsewhere (console.keys)."""
    return isinstance(hint, type) and issubclass(hint, Struct)


def plain(hint: Any) -> tuple[Any, Meta | None]:
    """Without its limits and without the None of what is optional."""
    meta = None
    while True:
        rest = [a for a in get_args(hint) if a is not type(None)]
        if get_origin(hint) is Annotated:
            hint, meta = hint.__origin__, hint.__metadata__[0]
        elif type(None) in get_args(hint) and len(rest) == 1:
            hint = rest[0]
        else:
            return hint, meta


def tables_in(struct: Any, table: Table) -> Iterator[tuple[Any, Table]]:
    yield struct, table
    for place in places(struct, table):
        value = place.holder[place.key]
        if place.key == "key_source":
            yield SOURCES[value["type"]], value
        elif isinstance(value, dict) and is_section(place.hint):
            yield place.hint, value


# --- one thing wrong ----------------------------------------------------------------------------------------------------------

_MARKETS = (MarketConfig("xyz:SNDK", 110016, Decimal(5)), MarketConfig("BTC"))
_ADDRESS = "0x" + "1a" * 20
_MAINNET = Config(
    ws_url="wss://api.hyperliquid.xyz/ws",
    info_url="https://api.hyperliquid.xyz/info",
    mode="trading",
    markets=_MARKETS,
    signer=SignerConfig(FileKey("trading.key"), _ADDRESS),
    account=AccountConfig(_ADDRESS),
    safety=SafetyConfig(mainnet=True, allowed_markets=("BTC",)),
    journal=JournalConfig("journal.db"),
)
_SIMULATOR = replace(
    _MAINNET,
    ws_url="ws://127.0.0.1:0/ws",
    info_url="http://127.0.0.1:0/info",
    signer=SignerConfig(SimulatorKey()),
    safety=SafetyConfig(),
    sim=SimConfig(accounts=(_ADDRESS,)),
)
_OBSERVER = replace(_SIMULATOR, mode="observation", signer=SignerConfig(EnvVarKey("KEY")), account=None)
good_configs = st.sampled_from([_MAINNET, _SIMULATOR, _OBSERVER])
"""Between them every setting there is. Drawing them whole costs much and tells little here."""

any_value = st.integers(-5, 5) | st.booleans() | st.text(string.ascii_letters, max_size=5) | st.just([]) | st.just({})


@examples(60)
@given(good_configs, st.text(string.ascii_lowercase + "_", min_size=1, max_size=14), any_value, st.data())
def test_a_key_that_does_not_exist_is_refused_by_name(
    config: Config, key: str, value: Any, data: st.DataObject
) -> None:
    tables = as_tables(config)
    struct, table = data.draw(st.sampled_from(list(tables_in(Config, tables))))
    assume(key not in (*struct.__struct_fields__, "type"))
    table[key] = value
    message = refusal(tables)
    assert key in message
    assert "unknown key" in message


@examples(40)
@given(good_configs, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_key_of_any_letters_is_one_line_too(config: Config, key: str) -> None:
    tables = as_tables(config)
    assume(key not in Config.__struct_fields__)
    tables[key] = 1
    message = refusal(tables)
    assert "unknown key" in message
    assert message.isprintable(), "a key may not write on the terminal"


def wrong_types(hint: Any) -> list[Any]:
    """Values of any type but this one."""
    if hint is bool:
        return [0, 1, "true", "", [], {}]
    if hint is int:
        return ["5", "", True, Decimal("1.5"), [1], {}]
    if hint is Decimal:
        return [True, "a lot", [1], {}]
    if hint is str or get_origin(hint) is Literal:
        return [5, True, Decimal("1.5"), ["x"], {"x": 1}]
    if get_origin(hint) is tuple:
        return [5, True, "x", {"x": 1}, [5], [[]]]
    return [5, True, "x", [1]]


@examples(60)
@given(good_configs, st.data())
def test_a_value_of_the_wrong_type_is_refused_by_name(config: Config, data: st.DataObject) -> None:
    tables = as_tables(config)
    place = data.draw(st.sampled_from(list(places(Config, tables))))
    place.holder[place.key] = data.draw(st.sampled_from(wrong_types(place.hint)))
    assert place.key in refusal(tables)


def impossible(place: Place) -> list[Any]:
    """Values of the right type that no rule allows there."""
    meta, values = place.meta, []
    if place.hint is int and meta is not None:
        values += [int(meta.ge) - 1, -(2**70)] if meta.ge is not None else []
        values += [int(meta.le) + 1, 2**70] if meta.le is not None else []
    if place.ranges is not None:
        low, high = map(Decimal, place.ranges)
        values += [low - Decimal("0.00001"), high + 1, -high - 1, Decimal("inf"), Decimal("nan"), Decimal("-inf")]
    if get_origin(place.hint) is Literal:
        values += ["", "both", get_args(place.hint)[0].upper()]
    if place.hint is str and meta is not None:
        values += [""] if meta.min_length else []
        values += ["x" * (meta.max_length + 1)] if meta.max_length else []
        values += ["", "0x", "0x" + "0" * 39, "0x" + "g" * 40, "0x" + "0" * 41, "1" * 42] if meta.pattern else []
    if place.key in ("ws_url", "info_url"):
        values += [
            "",
            "ftp://127.0.0.1",
            "ws://",
            "http://example.org/x",
            "https://",
            "ws://[::1",
            "http://127.0.0.1:x/",
        ]
    if place.key == "coin":
        values += [":", "a:b:c", ":BTC", "xyz:"]
    if place.key == "markets" and place.meta is not None:
        values += [[]]
    if place.key == "key_source":
        values += [{}, {"type": "usb"}, {"type": "file"}, {"type": "env_var", "path": "x"}]
    return values


@examples(60)
@given(good_configs, st.data())
def test_an_impossible_value_is_refused_by_name(config: Config, data: st.DataObject) -> None:
    tables = as_tables(config)
    place = data.draw(st.sampled_from([p for p in places(Config, tables) if impossible(p)]))
    place.holder[place.key] = data.draw(st.sampled_from(impossible(place)))
    assert place.key in refusal(tables)


@examples(40)
@given(good_configs, st.data())
def test_settings_that_contradict_each_other_are_refused_by_name(config: Config, data: st.DataObject) -> None:
    tables = as_tables(config)
    low, high = data.draw(st.sampled_from(KEPT_APART))
    section = next(t for t in tables.values() if isinstance(t, dict) and low in t)
    assume(section[low] < section[high])
    section[low], section[high] = section[high], section[low]
    assert low in refusal(tables)


@examples(40)
@given(good_configs, st.data())
def test_what_is_missing_is_named(config: Config, data: st.DataObject) -> None:
    tables = as_tables(config)
    must = [(tables, k) for k in ("ws_url", "info_url", "mode", "markets")]
    must += [(m, "coin") for m in tables["markets"]]
    if "signer" in tables:
        must += [(tables["signer"], "key_source"), (tables["signer"]["key_source"], "type")]
    holder, key = data.draw(st.sampled_from(must))
    del holder[key]
    assert key in refusal(tables)


# --- a secret in the wrong place ----------------------------------------------------------------------------------------------

secrets = st.integers(2**248, 2**256 - 1)


@examples(40)
@given(good_configs, secrets, st.data())
def test_a_secret_key_in_the_wrong_place_is_not_shown(config: Config, secret: int, data: st.DataObject) -> None:
    """As text, as a name, or without quotes: TOML reads 0x... as a number, and a number can be shown in two ways."""
    tables = as_tables(config)
    assume("signer" in tables)
    digits = f"{secret:064x}"
    where = data.draw(st.sampled_from(list(places(Config, tables))))
    assume(where.hint is not str or where.meta is None or where.meta.pattern is not None)
    spelling: Any = data.draw(st.sampled_from([digits, "0x" + digits, secret]))
    if data.draw(st.booleans()):
        where.holder[digits] = "x"
    else:
        where.holder[where.key] = spelling
    text = tomli_w.dumps(tables).replace(f"= {secret}\n", f"= 0x{digits}\n")
    try:
        parse_config(text, FILE)
    except ConfigError as e:
        shown = str(e)
    else:
        assume(False)
    for part in (digits[:16], digits[-16:], str(secret)[:16], str(secret)[-16:]):
        assert part not in shown.lower()
