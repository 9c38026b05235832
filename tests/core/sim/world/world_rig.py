"""A world without weather, and the means to listen at both ends of its road. For tests of the road and of the reads."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.messages.effects import Effect
from core.messages.tape import Message
from core.sim.world.plan import START_MS, Depth, draw
from core.sim.world.watcher import Watcher
from core.sim.world.world import ACCOUNT, World


class Ears(Watcher):
    """Writes down what the engine was told, and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, Message]] = []

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self.heard.append((world.agenda.now_ms - START_MS, message))

    def of(self, *kinds: type) -> list[Message]:
        return [m for _, m in self.heard if isinstance(m, kinds)]


def quiet_world(**changes: object) -> tuple[World, Ears]:
    """Nothing goes wrong in it unless the test wants it; latency is 20 ms there and back, always."""
    plan = draw(1, Depth.VALUE, ACCOUNT)
    quiet = {"troubles": (), "operator_every_ms": 0, "duplicates": 0.0, "latency_min_ms": 20, "latency_max_ms": 20}
    ears = Ears()
    world = World(msgspec.structs.replace(plan, **{**quiet, **changes}), (ears,))
    world.start()
    return world, ears


def live(world: World, ms: int) -> None:
    world.live_until(world.agenda.now_ms + ms)
