"""A rehearsal as a file: what happens at the exchange and when, and how it must have ended.

Turns TOML text into a `Scenario` or into one ConfigError that names file, key, value and what is allowed. Plays nothing
(core.sim.scenario_player) and judges nothing (core.sim.scenario_judge). Easy to get wrong: times count from READY unless a step says
otherwise, because what a program does before it is ready differs from machine to machine by seconds.

Issue 4 part 5.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from core.config import ConfigError, ExecutionConfig, RiskConfig, SafetyConfig, SimConfig
from core.config_errors import explain, toml_tables
from core.config_faults import FaultSettings
from core.config_section import Section
from core.sim.control import ControlError
from core.sim.exchange import PUBLIC_TEST_ACCOUNT, Exchange
from core.sim.fault_list import FaultError, check_settings
from core.sim.fault_text import settings_of

_LONGEST_S = 3_600
_START_MS = 1_705_054_000_000
"""Any time at all, for playing a scenario once before it counts."""

_TAKES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # do: (needed, allowed besides)
    "set_price": (("coin", "oracle", "bid", "ask"), ("size",)),
    "hold": (("coin",), ("bps", "size")),
    "release": (("coin",), ()),
    "fault": (("name",), FaultSettings.__struct_fields__),
    "clear_faults": ((), ()),
    "drop_connections": ((), ()),
    "pause_market": ((), ()),
    "resume_market": ((), ()),
    "fund": (("usd",), ()),
}
_Do = Literal[
    "set_price",
    "hold",
    "release",
    "fault",
    "clear_faults",
    "drop_connections",
    "pause_market",
    "resume_market",
    "fund",
]
_COMMON = ("at_s", "since", "say", "do")


class Step(FaultSettings, frozen=True, kw_only=True):
    """Something that happens at a time. `do` is a command of /control, with that command's fields."""

    ranges: ClassVar[dict[str, tuple[str, str]]] = {"at_s": ("0", str(_LONGEST_S))}
    at_s: Decimal
    do: _Do
    since: Literal["ready", "start"] = "ready"
    say: str = ""
    """What an operator is told meanwhile."""
    name: str | None = None
    oracle: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    size: Decimal | None = None
    usd: Decimal | None = None

    @property
    def command(self) -> dict[str, Any]:
        """For /control."""
        if self.do == "fault":
            return {"do": "fault", "name": self.name, **settings_of(self)}
        needed, more = _TAKES[self.do]
        fields = {key: getattr(self, key) for key in (*needed, *more)}
        whose = {"user": PUBLIC_TEST_ACCOUNT} if self.do == "fund" else {}
        return {"do": self.do, **whose, **{key: value for key, value in fields.items() if value is not None}}

    def given(self) -> list[str]:
        """The keys that are set besides those of every step."""
        return [f for f in self.__struct_fields__ if f not in _COMMON and getattr(self, f) is not None]


class Range(Section, frozen=True, kw_only=True):
    """From `min` to `max`, both allowed; without one of them, no bound on that side."""

    ranges: ClassVar[dict[str, tuple[str, str]]] = {
        "min": ("-1000000000", "1000000000"),
        "max": ("-1000000000", "1000000000"),
    }
    min: Decimal | None = None
    max: Decimal | None = None

    def holds(self, value: Decimal) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        if self.min is not None and self.min == self.max:
            return f"{self.min}"
        low = "" if self.min is None else f"at least {self.min}"
        high = "" if self.max is None else f"at most {self.max}"
        return " and ".join(filter(None, (low, high))) or "anything"


class Expect(Section, frozen=True, kw_only=True):
    """How it must have ended. Everything but the latch and the program's own end is judged on the exchange's truth."""

    flat: bool = True
    """No position when all is over."""
    no_open_orders: bool = True
    ended_in_order: bool = True
    """The program ended by itself with the exchange's confirmation that it is flat. Judged in a drill alone, as is the latch."""
    latched: bool | None = None
    latch_reason: Annotated[str, Meta(min_length=1)] | None = None
    """Text that the reason contains."""
    max_position_usd: Range | None = None
    """The largest position that was ever open in one market, at the prices of its fills."""
    longest_position_s: Range | None = None
    entries: Range | None = None
    """How many positions were opened."""
    fills: Range | None = None
    orders_rejected: Range | None = None
    """Orders refused one by one."""
    actions_refused: Range | None = None
    """Actions refused as a whole."""
    pnl_usd: Range | None = None
    """Realised, fees included."""


class Program(Section, frozen=True, kw_only=True):
    """Settings of the program that is rehearsed, as in a config file."""

    safety: SafetyConfig = SafetyConfig(max_notional_usd=Decimal(50), max_daily_trades=1000)
    execution: ExecutionConfig = ExecutionConfig(min_edge_bps=Decimal(20))
    risk: RiskConfig = RiskConfig()


class Scenario(Section, frozen=True, kw_only=True):
    ranges: ClassVar[dict[str, tuple[str, str]]] = {"balance_usd": ("0.01", "1000000")}
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    story: Annotated[str, Meta(min_length=1)]
    """What happens, and what an operator learns from it."""
    seed: Annotated[int, Meta(ge=0)]
    markets: Annotated[tuple[str, ...], Meta(min_length=1)]
    """They move, and they are traded."""
    length_s: Annotated[int, Meta(ge=1, le=_LONGEST_S)]
    """From READY to the end."""
    network: Literal["testnet", "mainnet"] = "testnet"
    """The letter of its signatures. A program that signs as mainnet has all the limits of mainnet."""
    latency_min_ms: Annotated[int, Meta(ge=0, le=60_000)] = 20
    latency_max_ms: Annotated[int, Meta(ge=0, le=60_000)] = 80
    balance_usd: Decimal = Decimal(1000)
    agent: bool = False
    """Whether the program signs with an agent's key, made for the occasion, rather than with the account's own."""
    program: Program = Program()
    steps: tuple[Step, ...] = ()
    expect: Expect = Expect()

    @property
    def sim(self) -> SimConfig:
        """The exchange it is played on."""
        return SimConfig(
            seed=self.seed,
            network=self.network,
            latency_min_ms=self.latency_min_ms,
            latency_max_ms=self.latency_max_ms,
            balance_usd=self.balance_usd,
            markets=self.markets,
        )

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults it asks for, each once."""
        return tuple(dict.fromkeys(step.name for step in self.steps if step.name is not None))


def parse_scenario(text: str, source: str) -> Scenario:
    """Read a scenario from TOML text, and play it once without a program to see that every step is possible.

    Args:
        source: The file's name, for messages.

    Raises:
        ConfigError: Not TOML, unknown key, wrong type, value out of range, or a step that cannot be done.
    """
    try:
        data = toml_tables(text)
    except ValueError as e:
        raise ConfigError(f"{source}: not valid TOML: {e}") from None
    try:
        scenario = msgspec.convert(data, Scenario)
    except msgspec.ValidationError as e:
        raise ConfigError(explain(source, data, str(e), Scenario)) from None
    if scenario.latency_min_ms > scenario.latency_max_ms:
        raise ConfigError(f"{source}: latency_min_ms: {scenario.latency_min_ms} is above {scenario.latency_max_ms}")
    for i, step in enumerate(scenario.steps):
        _check_step(step, scenario, f"{source}: steps[{i}]")
    _play_once(scenario, source)
    return scenario


def _check_step(step: Step, scenario: Scenario, where: str) -> None:
    needed, more = _TAKES[step.do]
    for key in step.given():
        if key not in (*needed, *more):
            allowed = ", ".join((*_COMMON, *needed, *more))
            raise ConfigError(f"{where}.{key}: {step.do} does not take it; allowed here: {allowed}")
    for key in needed:
        if getattr(step, key) is None:
            raise ConfigError(f"{where}.{key}: missing; {step.do} needs {', '.join(needed)}")
    if step.since == "ready" and step.at_s > scenario.length_s:
        raise ConfigError(f"{where}.at_s: {step.at_s} is after the end, length_s = {scenario.length_s}")
    if step.name is not None:
        try:
            check_settings(step.name, settings_of(step))
        except FaultError as e:
            raise ConfigError(f"{where}: {e}") from None


def _play_once(scenario: Scenario, source: str) -> None:
    """What only an exchange can tell: coins that are not listed, prices off the tick."""
    try:
        exchange = Exchange(
            seed=scenario.seed,
            markets=scenario.markets,
            balance_usd=scenario.balance_usd,
            start_ms=_START_MS,
        )
    except ValueError as e:
        raise ConfigError(f"{source}: markets: {e}") from None
    for i, step in enumerate(scenario.steps):
        if step.do == "drop_connections":
            continue
        try:
            exchange.control(step.command, _START_MS)
        except ControlError as e:
            raise ConfigError(f"{source}: steps[{i}]: {e}") from None
