"""Every setting, with its limit and the reason for it. Read once at start-up, frozen after.

Turns TOML text into a `Config` or into one `ConfigError` that names file, key, value and what is allowed. Opens no file and asks no
environment (core.runtime.config_file does). Easy to get wrong: a key that is misspelt must refuse to start, not fall back to a default.

SPEC 1, 9.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from core.config_alerts import AlertsConfig
from core.config_console import ConsoleConfig
from core.config_errors import explain, shown, toml_tables
from core.config_faults import FaultConfig
from core.config_guard import GuardConfig
from core.config_keys import EnvVarKey as EnvVarKey
from core.config_keys import FileKey as FileKey
from core.config_keys import KeySource
from core.config_keys import SimulatorKey as SimulatorKey
from core.config_metrics import MetricsConfig
from core.config_network import LOOPBACK_HOSTS as LOOPBACK_HOSTS
from core.config_network import Network as Network
from core.config_network import network_of as network_of
from core.config_section import Section as _Section
from core.model.market import MarketKey

Usd = Decimal
Bps = Decimal
Factor = Decimal
Share = Decimal
Ms = Annotated[int, Meta(ge=1, le=86_400_000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class ConfigError(Exception):
    """The config cannot be used; the text says where and what is allowed. The operator's to mend."""


_DAILY_TRADES = {Network.MAINNET: 100, Network.TESTNET: 50, Network.SIMULATOR: 50}
"""Plan 3.5, 3.6."""

_USD = ("0.01", "1000000")
_BPS = ("0", "10000")


class MarketConfig(_Section, frozen=True):
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "threshold_bps": _BPS,
    }
    coin: Annotated[str, Meta(min_length=1, max_length=32)]
    """Wire name, ``xyz:SNDK`` or ``BTC``."""
    asset_idx: Annotated[int, Meta(ge=0)] | None = None
    """The whole asset id. Pinned: start-up is refused when the exchange says otherwise."""
    threshold_bps: Bps | None = None
    """Edge asked for beyond fee and slippage; default execution.min_edge_bps."""

    @property
    def key(self) -> MarketKey:
        return MarketKey.parse(self.coin)


class SignerConfig(_Section, frozen=True):
    key_source: KeySource
    address: Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")] | None = None
    """When given, the key must derive it, else start-up fails."""


class AccountConfig(_Section, frozen=True):
    address: Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
    """The account that is queried and traded: the master or a sub-account, never an agent."""


class SafetyConfig(_Section, frozen=True):
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "max_notional_usd": _USD,
        "auto_stop_loss_usd": _USD,
    }
    testnet_only: bool = False
    mainnet: bool = False
    max_notional_usd: Usd = Decimal(100)
    allowed_markets: tuple[str, ...] | None = None
    max_daily_trades: Count | None = None
    """Positions opened per day (UTC). Default: 100 under mainnet's rules, else 50."""
    auto_stop_loss_usd: Usd = Decimal(20)
    max_total_trades: Count | None = None
    """Positions opened in the whole run, which lasts as long as its journal, restarts included. Default: no limit. The plan's micro run has 100."""
    checkpoints: tuple[Count, ...] = ()
    """Trades closed in the run at which entries pause until the operator decides to go on or not. The plan's are 10, 50 and 100."""

    def __post_init__(self) -> None:
        _Section.__post_init__(self)
        if list(self.checkpoints) != sorted(set(self.checkpoints)):
            raise ValueError(f"checkpoints: expected numbers of trades that rise (found {list(self.checkpoints)})")


class ExecutionConfig(_Section, frozen=True):
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "size_alpha": ("0.0001", "1"),
        "max_notional_per_market": _USD,
        "max_notional_total": _USD,
        "flatten_slippage_bps": ("1", "200"),
        "flatten_slippage_max_bps": ("1", "200"),
        "min_edge_bps": _BPS,
        "slippage_bps": _BPS,
    }
    size_alpha: Share = Decimal("0.05")
    """Share of the size at the touch that one order takes."""
    max_notional_per_market: Usd = Decimal(50)
    max_notional_total: Usd = Decimal(100)
    time_stop_ms: Ms = 30_000
    reduce_only_timeout_ms: Ms = 60_000
    inflight_limit: Annotated[int, Meta(ge=1, le=100)] = 100
    """The exchange's own limit of unanswered posts over all connections of one address."""
    inflight_high_watermark: Annotated[int, Meta(ge=1, le=100)] = 80
    cancel_queue_cap: Count = 200
    reduce_only_queue_cap: Count = 500
    new_order_queue_cap: Count = 1000
    batch_max_orders: Annotated[int, Meta(ge=1, le=200)] = 50
    batch_max_cancels: Annotated[int, Meta(ge=1, le=200)] = 50
    tick_interval_ms: Annotated[int, Meta(ge=10, le=10_000)] = 100
    dispatch: Literal["eager", "tick"] = "eager"
    """eager: the first action after an idle interval leaves at once, then the interval holds."""
    post_timeout_ms: Ms = 5_000
    flatten_slippage_bps: Bps = Decimal(100)
    flatten_slippage_max_bps: Bps = Decimal(200)
    min_edge_bps: Bps = Decimal(10)
    slippage_bps: Bps = Decimal(2)
    """Room between the touch and the limit price of an entry, and the cost assumed for it."""
    stop_grace_ms: Ms = 15_000
    """How long an orderly stop may take to get flat before it says NOT CONFIRMED."""


class RiskConfig(_Section, frozen=True):
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "max_slippage_bps": _BPS,
        "max_mark_mid_divergence_bps": _BPS,
        "spread_shrink_factor": ("1", "1000"),
        "spread_block_factor": ("1", "1000"),
    }
    max_consecutive_losses: Count = 5
    max_flatten_failures: Count = 3
    max_rejected_per_hour: Count = 10
    max_slippage_bps: Bps = Decimal(50)
    max_slippage_in_a_row: Count = 3
    clock_drift_warn_ms: Ms = 2_000
    clock_drift_refuse_ms: Ms = 5_000
    bbo_stale_ms: Ms = 2_000
    ctx_stale_ms: Ms = 8_000
    max_mark_mid_divergence_bps: Bps = Decimal(50)
    spread_shrink_factor: Factor = Decimal(3)
    spread_block_factor: Factor = Decimal(6)
    position_sync_ms: Ms = 5_000
    """How often positions are compared with the exchange's own view of each dex."""


class JournalConfig(_Section, frozen=True):
    path: str | None = None
    """The SQLite file. Default: a folder per network and account under the user's state directory."""
    tape_max_mb: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    """How much of the disk one run's tape may take: every message and its effects, for `hip3-tui replay`. 0: no tape. A disk that is full
    is a HardStop, so the tape ends at its bound, and the run goes on without it."""
    max_rows: Annotated[int, Meta(ge=10_000, le=1_000_000_000)] = 2_000_000
    """Beyond so many rows the oldest that no verdict needs are moved to an archive beside it: denied signals, posts, small talk of the audit
    trail. Some 125 bytes each. Trades, fills, orders and errors stay. Report, export and check read both files together."""
    archive_max_mb: Annotated[int, Meta(ge=0, le=100_000)] = 4_000
    """How large the archive may grow, a week at full speed being some 1,000; beyond it rows are thrown away, and the report says so. 0: none."""


class SimConfig(_Section, frozen=True):
    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "balance_usd": _USD,
    }
    """Our own exchange, when this config runs one (ws_url with port 0)."""

    seed: Annotated[int, Meta(ge=0)] = 1
    network: Literal["testnet", "mainnet"] = "testnet"
    """Which of the two signature letters it accepts. With mainnet's everything is under mainnet's rules, see `Config.rules`."""
    latency_min_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100
    latency_max_ms: Annotated[int, Meta(ge=0, le=60_000)] = 400
    balance_usd: Usd = Decimal(1000)
    """What each funded account starts with, on each dex."""
    accounts: tuple[Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")], ...] = ()
    """Funded besides the public test account."""
    markets: tuple[str, ...] = ("BTC", "ETH", "SOL", "xyz:SNDK", "xyz:NVDA", "xyz:TSLA", "xyz:HOOD")
    """Markets that move; the rest of each universe is listed and stays quiet."""
    faults: tuple[FaultConfig, ...] = ()
    """What goes wrong on purpose."""
    ip_limits: bool = True
    """Whether it enforces the real exchange's limits per IP (request weight, connections, subscriptions, messages), since a client that
    breaks them must learn so in rehearsal. Off where one machine plays many clients: benchmarks, suites of tests."""
    greeting: bool = False
    """Whether it greets each WebSocket connection with the line of plain text that some connections of the real one get."""


class Config(_Section, frozen=True):
    ws_url: str
    info_url: str
    mode: Literal["observation", "trading"]
    markets: Annotated[tuple[MarketConfig, ...], Meta(min_length=1, max_length=64)]
    signer: SignerConfig | None = None
    account: AccountConfig | None = None
    safety: SafetyConfig = SafetyConfig()
    execution: ExecutionConfig = ExecutionConfig()
    risk: RiskConfig = RiskConfig()
    alerts: AlertsConfig = AlertsConfig()
    metrics: MetricsConfig = MetricsConfig()
    journal: JournalConfig = JournalConfig()
    sim: SimConfig = SimConfig()
    console: ConsoleConfig = ConsoleConfig()
    guard: GuardConfig = GuardConfig()

    @property
    def network(self) -> Network:
        return network_of(self.ws_url)

    @property
    def rules(self) -> Network:
        """Whose rules apply: every limit, refusal and question asks this; `network` is only the place.

        The real exchange's own, there. On our simulator those it rehearses: mainnet's where actions carry mainnet's letter (the file must
        then say `safety.mainnet` too), testnet's where the file says `safety.testnet_only`.
        """
        if self.network is not Network.SIMULATOR:
            return self.network
        if self.sim.network == "mainnet":
            return Network.MAINNET
        return Network.TESTNET if self.safety.testnet_only else Network.SIMULATOR

    @property
    def max_daily_trades(self) -> int:
        given = self.safety.max_daily_trades
        return given if given is not None else _DAILY_TRADES[self.rules]

    @property
    def is_mainnet_signature(self) -> bool:
        """Whether actions are signed with the mainnet letter."""
        return self.rules is Network.MAINNET

    @property
    def runs_own_simulator(self) -> bool:
        """Port 0 on loopback asks for a simulator of our own, in its own process."""
        return self.network is Network.SIMULATOR and urlsplit(self.ws_url).port == 0

    @property
    def dexes(self) -> tuple[str, ...]:
        """The dexes of the configured markets, each once, in order of first mention."""
        return tuple(dict.fromkeys(m.key.dex for m in self.markets))

    def masked(self) -> Config:
        """The same without any secret. What keeps or shows a config gets this one."""
        return msgspec.structs.replace(self, alerts=self.alerts.masked())

    @property
    def max_loss_usd(self) -> Decimal:
        return self.safety.auto_stop_loss_usd


def parse_config(text: str, source: str) -> Config:
    """Read a config from TOML text.

    Args:
        text: The file's content.
        source: The file's name, for messages.

    Raises:
        ConfigError: Not TOML, unknown key, wrong type, value out of range, or settings that contradict each other.
    """
    try:
        data = toml_tables(text)
    except ValueError as e:
        raise ConfigError(f"{source}: not valid TOML: {e}") from None
    try:
        config = msgspec.convert(data, Config)
    except msgspec.ValidationError as e:
        raise ConfigError(explain(source, data, str(e), Config)) from None
    check_config(config, source)
    return config


def check_config(c: Config, source: str) -> None:
    """What one key alone cannot tell.

    Raises:
        ConfigError: Settings that contradict each other.
    """

    def refuse(key: str, why: str) -> None:
        raise ConfigError(f"{source}: {key}: {why}") from None

    networks = []
    for key, url, schemes in (("ws_url", c.ws_url, ("ws", "wss")), ("info_url", c.info_url, ("http", "https"))):
        try:
            if urlsplit(url).scheme not in schemes:
                refuse(key, f"{shown(url)}: expected a URL starting with {' or '.join(s + '://' for s in schemes)}")
            urlsplit(url).port  # noqa: B018  a port that is no number is refused by the property itself
            networks.append(network_of(url))
        except ValueError as e:
            refuse(key, str(e))
    if networks[0] is not networks[1]:
        refuse("ws_url", f"is {networks[0].value}, but info_url is {networks[1].value}: both must be of one network")
    network, rules = c.network, c.rules
    place = "ws_url is mainnet" if network is Network.MAINNET else 'sim.network = "mainnet"'
    if rules is Network.MAINNET and c.safety.testnet_only:
        refuse("safety.testnet_only", f"true, but {place}: this config may only run under testnet's rules")
    if rules is Network.MAINNET and not c.safety.mainnet:
        refuse("safety.mainnet", f"missing or false, but {place}: mainnet's rules need safety.mainnet = true")
    if network is Network.TESTNET and c.safety.mainnet:
        refuse("safety.mainnet", "true, but ws_url is testnet")
    if network is Network.SIMULATOR and c.safety.mainnet and rules is not Network.MAINNET:
        refuse(
            "safety.mainnet",
            'true, but ws_url is simulator: to rehearse mainnet there, say sim.network = "mainnet" too',
        )
    if c.mode == "trading" and c.signer is None:
        refuse("signer", 'missing: mode = "trading" needs a [signer] with a key_source; mode = "observation" does not')
    if c.signer is not None and isinstance(c.signer.key_source, SimulatorKey) and network is not Network.SIMULATOR:
        refuse("signer.key_source", f"type 'simulator' is a publicly known key; it is refused on {network.value}")
    unfit = c.guard.misfit(
        None if c.signer is None else c.signer.key_source, network is Network.SIMULATOR, c.runs_own_simulator
    )
    if unfit:
        refuse(*unfit)
    if rules is not Network.SIMULATOR and c.account is None:
        refuse("account.address", "missing: the account to query and trade (not the agent's address)")
    seen: set[MarketKey] = set()
    for i, market in enumerate(c.markets):
        try:
            market_key = market.key
        except ValueError as e:
            refuse(f"markets[{i}].coin", str(e))
        if market_key in seen:
            refuse(f"markets[{i}].coin", f"{market.coin!r} is listed twice")
        seen.add(market_key)
    names = [m.coin for m in c.markets]
    for name in c.safety.allowed_markets or ():
        if name not in names:
            refuse("safety.allowed_markets", f"{shown(name)} is not among [[markets]]: {', '.join(names)}")
    x = c.execution
    if x.inflight_high_watermark > x.inflight_limit:
        refuse(
            "execution.inflight_high_watermark",
            f"{x.inflight_high_watermark} is above inflight_limit {x.inflight_limit}",
        )
    if x.flatten_slippage_bps > x.flatten_slippage_max_bps:
        refuse(
            "execution.flatten_slippage_bps",
            f"{x.flatten_slippage_bps} is above flatten_slippage_max_bps {x.flatten_slippage_max_bps}",
        )
    if c.risk.clock_drift_warn_ms > c.risk.clock_drift_refuse_ms:
        refuse(
            "risk.clock_drift_warn_ms",
            f"{c.risk.clock_drift_warn_ms} is above clock_drift_refuse_ms {c.risk.clock_drift_refuse_ms}",
        )
    if c.risk.spread_shrink_factor > c.risk.spread_block_factor:
        refuse(
            "risk.spread_shrink_factor",
            f"{c.risk.spread_shrink_factor} is above spread_block_factor {c.risk.spread_block_factor}",
        )
    if c.sim.latency_min_ms > c.sim.latency_max_ms:
        refuse("sim.latency_min_ms", f"{c.sim.latency_min_ms} is above latency_max_ms {c.sim.latency_max_ms}")
