"""A line of choices: one of them is taken, all of them (or, where they are many, the one taken) are seen.

Left and right take another, a click takes the one clicked. Easy to get wrong: what is taken is marked by brackets, not by colour alone.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Args: options: at least one; seen: all of them side by side, else only the one taken, between arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Before", show=False),
        Binding("right,space", "step(1)", "Next", show=False),
    ]

    class Changed(Message):
        """Another option was taken."""

    def __init__(self, options: Sequence[str], *, id: str, all_seen: bool = True) -> None:
        super().__init__(id=id)
        assert options, f"choice {id}: nothing to choose from"
        self.options = tuple(options)
        self.index = 0
        self._all_seen = all_seen

    @property
    def value(self) -> str:
        return self.options[self.index]

    def take(self, index: int) -> None:
        if index != self.index:
            self.index = index
            self.refresh()
            self.post_message(self.Changed())

    def action_step(self, by: int) -> None:
        self.take((self.index + by) % len(self.options))

    def on_click(self, event: events.Click) -> None:
        if not self._all_seen:
            self.action_step(1)
            return
        for index, (start, end) in enumerate(self._places()):
            if start <= event.x < end:
                self.take(index)

    def render(self) -> Content:
        mark = "reverse bold" if self.has_focus else "bold"
        if not self._all_seen:
            count = f"  {self.index + 1} of {len(self.options)}" if len(self.options) > 1 else ""
            return Content.assemble(("< ", ""), (self.value, mark), (" >", ""), (count, "$text-quiet"))
        words = [
            (f"[{option}]", mark) if i == self.index else (f" {option} ", "$text-quiet")
            for i, option in enumerate(self.options)
        ]
        return Content.assemble(*words)

    def _places(self) -> list[tuple[int, int]]:
        places, at = [], 0
        for option in self.options:
            places.append((at, at + len(option) + 2))
            at += len(option) + 2
        return places
