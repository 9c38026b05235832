"""How the alerts fare that leave the program: what is known of each target. Never its URL, which is a secret."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class TargetState(Enum):
    STARTING = "starting"
    """Nothing was sent yet."""
    OK = "ok"
    RETRYING = "retrying"
    """The last attempt failed; it is tried again."""
    UNUSABLE = "unusable"
    """The URL is none that we can send to."""


class AlertTarget(Struct, frozen=True):
    """One notification URL, by its masked name. Counts are of this run."""

    name: str
    state: TargetState = TargetState.STARTING
    delivered: int = 0
    """Messages taken by the service. One message may gather several alerts."""
    repeats: int = 0
    """Alerts counted instead of sent, because the same one had just been told."""
    given_up: int = 0
    """Alerts that were never delivered."""
    waiting: int = 0
    last_error: str = ""
    last_error_ms: int | None = None
