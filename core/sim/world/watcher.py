"""What a checker may see: every turn of the engine, every action at the venue, and the ends. It looks; it changes nothing.

A watcher that finds something wrong raises `Violation`; the world stops there, with the seed and the story.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from core.messages.effects import Effect
from core.messages.events import AssetCtx, Bbo, Tick
from core.messages.tape import Message
from core.sim.truth import ActionEntry

if TYPE_CHECKING:
    from core.sim.world.stopper import StopRun
    from core.sim.world.world import World


EVERYDAY: tuple[type, ...] = (Tick, Bbo, AssetCtx)
"""Messages that come all the time. Most of them the engine answers with nothing: quiet turns, nine in ten of a life."""


class Violation(Exception):
    """Something that must hold did not. ``checker`` names who saw it."""

    def __init__(self, checker: str, text: str) -> None:
        super().__init__(f"{checker}: {text}")
        self.checker = checker
        self.text = text


class Watcher:
    """Looks at nothing; checkers override what they need."""

    quiet: ClassVar[tuple[type, ...]] = EVERYDAY
    """Of which messages it is shown the quiet turns too. What only reads effects, or a state that never changes without one, says `()`
    and costs a life nothing; every turn that is not quiet is shown to all."""

    def started(self, world: World) -> None:
        """An engine was made: the first, or one after a restart."""

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        """The engine answered a message; its effects were performed."""

    def executed(self, world: World, entry: ActionEntry) -> None:
        """The venue took an action, or refused it."""

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        """The program was killed in the middle of this turn; only these effects were performed."""

    def at_rest(self, world: World) -> None:
        """Nothing is open, nothing is under way, nothing goes wrong any more."""

    def stopped(self, world: World, run: StopRun) -> None:
        """A run of the stop program ended, confirmed or not."""

    def finished(self, world: World, confirmed: bool) -> None:
        """An orderly stop ended."""
