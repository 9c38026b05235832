"""What a pane is given to show: the newest snapshot, and the little that only the console can know about it.

A snapshot cannot say that it is old, or that the engine behind it is dead; its age and the handle's word can.

DESIGN "One key press", SPEC 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.messages.snapshot import AuditEntry, RunInfo, Snapshot
from hip3_tui.keymap import Keymap

STALE_MS = 1_000
"""The engine publishes several times a second: a second without a new snapshot is a fault to be seen."""

MAINNET = "mainnet"
SIMULATOR = "simulator"


class Selected(NamedTuple):
    """The row under the cursor: name of its list, and what tells it from the others there."""

    list: str
    key: str
    entry: AuditEntry | None = None
    """Of the audit trail, which goes back further than a snapshot does."""


class Window(NamedTuple):
    """This console is a window beside the one that runs the engine."""

    may_brake: bool
    note: str
    """Why nothing new is seen; empty while it is."""


class DrillNow(NamedTuple):
    """The rehearsal under way, as far as it has come."""

    name: str
    length_ms: int
    elapsed_ms: int | None
    """Since READY; None before."""
    now: str
    """What is said of the last step."""
    next_in_ms: int | None
    next: str


@dataclass(frozen=True, slots=True)
class Picture:
    """``now_ms`` is the console's clock, ``error`` why the engine died, ``is_done`` that it has ended one way or the other."""

    snapshot: Snapshot | None
    now_ms: int
    error: str = ""
    is_done: bool = False
    selected: Selected | None = None
    keymap: Keymap | None = None
    """None: our own keys."""
    beside: frozenset[str] = frozenset()
    """Names of what the console was given beside the engine: some actions exist only with it."""
    drill: DrillNow | None = None
    """None: this is no drill."""
    window: Window | None = None
    """None: this is the console itself."""
    run: RunInfo | None = None
    """What is known of the run before the engine's first word; afterwards the snapshot has it."""

    @property
    def asks_first(self) -> bool:
        """Whether mainnet's rules apply, so that a dangerous key asks once."""
        return self.snapshot is not None and self.snapshot.run.rules == MAINNET

    @property
    def age_ms(self) -> int | None:
        """Since the snapshot was made; None before the first."""
        return None if self.snapshot is None else max(0, self.now_ms - self.snapshot.at_ms)

    @property
    def is_stale(self) -> bool:
        age_ms = self.age_ms
        return age_ms is not None and age_ms > STALE_MS

    @property
    def death(self) -> str:
        """Why the engine is dead; empty while it lives and after an orderly end."""
        if self.error:
            return self.error
        if self.snapshot is not None and self.snapshot.engine_error:
            return self.snapshot.engine_error
        if self.is_done and not self.is_finished:
            return "the engine ended without a word"
        return ""

    @property
    def is_finished(self) -> bool:
        """The engine ended in an orderly stop."""
        return self.snapshot is not None and self.snapshot.finished

    @property
    def is_trustworthy(self) -> bool:
        """Whether what the snapshot says may be taken for what is: it is there, it is fresh, and somebody keeps it so."""
        return self.snapshot is not None and not self.is_stale and not self.death


def is_flat(snapshot: Snapshot) -> bool:
    """Known to hold no position, and no order that may still become one. What is not known is not flat."""
    return knows_what_is_open(snapshot) and not snapshot.positions and not has_live_orders(snapshot)


def knows_what_is_open(snapshot: Snapshot) -> bool:
    """Positions and orders have been read from the exchange, and nothing has made that doubtful since."""
    return snapshot.ready.knows_what_is_open


def has_live_orders(snapshot: Snapshot) -> bool:
    """Any order that is not over, or whose fills have not all been seen."""
    return any(not order.is_settled for order in snapshot.orders)
