"""Configs that are valid, drawn at random: the limits of single settings from the types, what ties two of them together from SPEC 9."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields
from struct_strategies import markets, structs_of, text, values_of

from core.config import (
    AccountConfig,
    Config,
    EnvVarKey,
    ExecutionConfig,
    FileKey,
    JournalConfig,
    MarketConfig,
    Network,
    RiskConfig,
    SafetyConfig,
    SignerConfig,
    SimConfig,
    SimulatorKey,
)
from core.config_console import ConsoleConfig
from core.config_faults import FaultConfig, SpecChanges
from core.config_guard import GuardConfig

HOSTS = {
    Network.MAINNET: ("api.hyperliquid.xyz",),
    Network.TESTNET: ("api.hyperliquid-testnet.xyz",),
    Network.SIMULATOR: ("127.0.0.1", "localhost", "[::1]"),
}
KEPT_APART = (
    ("inflight_high_watermark", "inflight_limit"),
    ("flatten_slippage_bps", "flatten_slippage_max_bps"),
    ("clock_drift_warn_ms", "clock_drift_refuse_ms"),
    ("spread_shrink_factor", "spread_block_factor"),
    ("latency_min_ms", "latency_max_ms"),
)
"""The first may not be above the second."""


def ranged(low: str, high: str) -> st.SearchStrategy[Decimal]:
    places = max(2, -int(Decimal(low).as_tuple().exponent))
    return st.decimals(Decimal(low), Decimal(high), places=places)


@st.composite
def sections(draw: st.DrawFn, struct: type[Struct], **fixed: st.SearchStrategy[Any]) -> Any:
    """A section with a few settings of its own, every Decimal in its range and every pair in its order; the rest at the default."""
    hints, given = get_type_hints(struct, include_extras=True), set(fixed)
    for name, (low, high) in struct.ranges.items():  # type: ignore[attr-defined]
        fits = ranged(low, high)
        fixed[name] = (st.none() | fits) if hints[name] == Decimal | None else fits
    own = {*given, *struct.__struct_fields__[: -len(struct.__struct_defaults__) or None]}
    own |= draw(st.sets(st.sampled_from(struct.__struct_fields__), max_size=4))
    values = {n: draw(fixed[n] if n in fixed else values_of(hints[n])) for n in struct.__struct_fields__ if n in own}
    for low, high in KEPT_APART:
        if low in values or high in values:
            both = [values[n] if n in values else default_of(struct, n) for n in (low, high)]
            values[low], values[high] = sorted(both)
    return struct(**values)


def default_of(struct: type[Struct], name: str) -> Any:
    return next(f.default for f in fields(struct) if f.name == name)


faults = structs_of(FaultConfig, changes=st.none() | sections(SpecChanges))


@st.composite
def valid_configs(draw: st.DrawFn) -> Config:
    network = draw(st.sampled_from(Network))
    host, port = draw(st.sampled_from(HOSTS[network])), draw(st.sampled_from(["", ":0", ":8080"]))
    secure = draw(st.sampled_from(["", "s"]))
    mode = draw(st.sampled_from(["observation", "trading"]))
    traded = draw(st.lists(markets, min_size=1, max_size=4, unique=True))
    signer = draw(signers(simulator=network is Network.SIMULATOR))
    account = structs_of(AccountConfig)
    rules = draw(st.sampled_from(Network)) if network is Network.SIMULATOR else network
    letter = st.just("mainnet" if rules is Network.MAINNET else "testnet")
    guard = structs_of(
        GuardConfig,
        key_source=st.none() | structs_of(EnvVarKey).filter(lambda key: key != signer.key_source),
        enabled=st.booleans() if network is Network.SIMULATOR and port == ":0" else st.just(False),
    )
    return Config(
        ws_url=f"ws{secure}://{host}{port}/ws",
        info_url=f"http{secure}://{host}{port}/info",
        mode=mode,
        markets=tuple(draw(sections(MarketConfig, coin=st.just(market.name))) for market in traded),
        signer=signer if mode == "trading" else draw(st.none() | st.just(signer)),
        account=draw(account if rules is not Network.SIMULATOR else st.none() | account),
        safety=draw(safeties(rules, [market.name for market in traded])),
        execution=draw(sections(ExecutionConfig)),
        risk=draw(sections(RiskConfig)),
        journal=draw(structs_of(JournalConfig)),
        sim=draw(sections(SimConfig, network=letter, faults=st.lists(faults, max_size=2).map(tuple))),
        guard=draw(guard),
        console=draw(structs_of(ConsoleConfig, keys=st.dictionaries(text, st.lists(text, max_size=3), max_size=3))),
    )


def signers(*, simulator: bool) -> st.SearchStrategy[SignerConfig]:
    sources: st.SearchStrategy[Any] = structs_of(EnvVarKey) | structs_of(FileKey)
    return structs_of(SignerConfig, key_source=sources | st.just(SimulatorKey()) if simulator else sources)


def safeties(rules: Network, names: Iterable[str]) -> st.SearchStrategy[SafetyConfig]:
    is_mainnet = rules is Network.MAINNET
    return sections(
        SafetyConfig,
        mainnet=st.just(is_mainnet),
        testnet_only=st.just(rules is Network.TESTNET),
        checkpoints=st.sets(st.integers(1, 500), max_size=4).map(sorted).map(tuple),
        allowed_markets=st.none() | st.lists(st.sampled_from(list(names)), max_size=3).map(tuple),
    )
