"""Settings of the guard: a second small process that closes what is open when the console dies or hangs.

Easy to get wrong: the guard has a key of its own, an agent approved by the same account, because nonces belong to the signer: with the
console's key the two would use up each other's.

SPEC 5, 8.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from core.config_keys import KeySource, SimulatorKey
from core.config_section import Section


class GuardConfig(Section, frozen=True):
    key_source: KeySource | None = None
    """Its own agent key. None: `hip3-tui guard` is refused, except on the simulator, which has a second public test key for it."""
    address: Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")] | None = None
    """When given, the key must derive it, else the guard does not start."""
    enabled: bool = False
    """Whether `hip3-tui run` starts one beside the console. Only on a simulator of our own: a guard that shares the fate of the console's
    terminal, or of its service, guards nothing, so on a real network it is started on its own."""
    heartbeat_timeout_ms: Annotated[int, Meta(ge=2_000, le=7_000)] = 4_000
    """A console whose loop did not turn for this long is taken for dead. Not below 2 s: it beats once a second, and a busy machine is no
    dead one. Not above 7 s: what is left of 10 s must do for closing."""
    act_within_ms: Annotated[int, Meta(ge=10_000, le=600_000)] = 60_000
    """How long one attempt to get flat may take before the guard says NOT CONFIRMED and begins anew. Not below 10 s: an exhausted request
    budget lets one action through in that time."""

    @property
    def key_source_or_test_key(self) -> KeySource:
        return self.key_source if self.key_source is not None else SimulatorKey()

    def misfit(
        self, signers_key: KeySource | None, is_simulator: bool, runs_own_simulator: bool
    ) -> tuple[str, str] | None:
        """What does not fit the rest of the config: the key, and why."""
        if isinstance(self.key_source, SimulatorKey):
            if not is_simulator:
                return "guard.key_source", "type 'simulator' is a publicly known key; it is refused on a real network"
        elif self.key_source is not None and self.key_source == signers_key:
            return (
                "guard.key_source",
                "is the signer's: the guard needs an agent key of its own, or their nonces collide",
            )
        if self.enabled and not runs_own_simulator:
            return "guard.enabled", "true: only a simulator of our own takes it; else start `hip3-tui guard` on its own"
        return None
