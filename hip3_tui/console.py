"""What a screen may ask of the console, and what the console was given of the outside.

A screen is made with the picture and this; it never reaches for the app. Easy to get wrong: a command goes out through `send` alone, which
gives it its id and the operator's name and sees to it that its answer, or the lack of one, is told.

SPEC 11, DESIGN "One key press".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from core.messages.commands import AnyCommand
from core.messages.handle import OrderPreviewer, WindowHandle
from core.messages.preflight import PreflightHandle
from core.messages.records import RecordsHandle
from core.messages.snapshot import RunInfo
from hip3_tui.panes.picture import Picture

if TYPE_CHECKING:
    from core.messages.about import AboutPart
    from core.messages.drill import DrillHandle
    from core.messages.simulator import SimulatorHandle
    from core.messages.verification import VerificationHandle


@dataclass(frozen=True)
class Outside:
    """Beside the engine and the life cycle: what a command hands to the console. Without it a screen says what it lacks."""

    simulator: SimulatorHandle | None = None
    """The operator's hand on our own simulated exchange; None on every other network, and in a drill."""
    drill: DrillHandle | None = None
    """This run is a rehearsal."""
    about: Callable[[], tuple[AboutPart, ...]] | None = None
    """What this program is made of and set to. Asked in a worker thread."""
    greeted: Callable[[], None] | None = None
    """Somebody is here for the first time; to be called when the greeting was seen."""
    folder: Path | None = None
    """Where files for the operator go: the folder of the run."""
    records: RecordsHandle | None = None
    """What the journal can tell. To be asked from a worker thread, never from the console's own."""
    preview: OrderPreviewer | None = None
    """What an order by hand would be; None: it is sent unseen, and the engine judges."""
    verification: VerificationHandle | None = None
    """The ten checks on the running program; None: they are only looked at."""
    window: WindowHandle | None = None
    """This console is a window beside the one that runs the engine; None: it is that one."""
    run: RunInfo | None = None
    """What is known of the run before the engine's first word: whose money it is is on the first frame already."""
    preflight: PreflightHandle | None = None
    """What was checked before trading begins, and waits for the operator's word; None: nothing waits."""


NOTHING_BESIDE = Outside()


def names_of(outside: Outside) -> frozenset[str]:
    """What the console was given beside the engine, by the names of the fields."""
    return frozenset(field.name for field in fields(outside) if getattr(outside, field.name) is not None)


class Console(Protocol):
    @property
    def outside(self) -> Outside: ...

    def look(self) -> Picture:
        """The newest picture."""
        ...

    def send(self, make: Callable[[str, str], AnyCommand], title: str) -> str:
        """Make a command of an id and the operator's name, and hand it to the engine.

        Returns:
            The command's id; the audit trail answers with it.
        """
        ...

    def operate(self, action_id: str) -> None:
        """As if the key of that action had been pressed."""
        ...

    def copy(self, words: str, what: str) -> None:
        """To the clipboard of the terminal, and say so."""
        ...

    def say(self, words: str, *, title: str = "", warn: bool = False) -> None:
        """A toast."""
        ...


@runtime_checkable
class Follows(Protocol):
    """A screen that is told every new picture while it is on the stack."""

    def show(self, picture: Picture) -> None: ...
