"""Faults of the simulator as a file spells them.

Knows keys and types alone. Which faults there are and which takes which setting is the simulator's to know (core.sim.fault_list).

Issue 4 part 4.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from core.config_section import Section


class SpecChanges(Section, frozen=True, kw_only=True):
    """What of a market's rules changes."""

    ranges: ClassVar[dict[str, tuple[str, str]]] = {"deployer_fee_scale": ("0", "10")}
    sz_decimals: Annotated[int, Meta(ge=0, le=6)] | None = None
    max_leverage: Annotated[int, Meta(ge=1, le=100)] | None = None
    index: Annotated[int, Meta(ge=0)] | None = None
    growth_mode: bool | None = None
    is_delisted: bool | None = None
    deployer_fee_scale: Decimal | None = None


class FaultSettings(Section, frozen=True, kw_only=True):
    """Settings of something that goes wrong on purpose. Which fault takes which is the simulator's to know (core.sim.fault_list)."""

    count: int | None = None
    for_ms: int | None = None
    after_ms: int | None = None
    address: str | None = None
    ms: int | None = None
    text: str | None = None
    level: str | None = None
    road: str | None = None
    executed: bool | None = None
    channels: tuple[str, ...] | None = None
    coin: str | None = None
    percent: int | None = None
    side: str | None = None
    factor: int | None = None
    bps: int | None = None
    changes: SpecChanges | None = None
    dex: str | None = None
    answer: str | None = None
    requests: tuple[str, ...] | None = None


class FaultConfig(FaultSettings, frozen=True, kw_only=True):
    """One of `hip3-tui sim --list-faults`, in force from the simulator's start."""

    name: str
