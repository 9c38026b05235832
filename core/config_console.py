"""Settings of the operator's screen. None of them changes what is traded, or when.

Knows types and ranges alone; which actions there are, and what is a key, is the console's to know (hip3_tui.keymap), and it refuses what it
does not know before anything is started.

SPEC 11.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from core.config_errors import shown
from core.config_section import Section

THEMES = ("dark", "light", "contrast", "colour-blind")


class ConsoleConfig(Section, frozen=True):
    theme: Literal["dark", "light", "contrast", "colour-blind"] = "dark"
    """contrast: pure colours on black. colour-blind: no meaning between red and green. The variable NO_COLOR takes all colour away."""
    refresh_hz: Annotated[int, Meta(ge=1, le=30)] = 4
    """How often the newest snapshot is drawn. The engine does not wait for it; more is smoother and costs more of a core."""
    glyphs: Literal["auto", "unicode", "ascii"] = "auto"
    """ascii: no lines, bars and marks beyond ASCII. auto: on the Linux text console and where the locale is not UTF-8."""
    bell: bool = True
    """Ring when the hard stop trips, the engine dies, the connection is lost, an exit fails again or a command is not answered."""
    toasts: bool = True
    """Short notices in the corner: answers to commands, alarms behind a dialog."""
    title: bool = True
    """State, what is at risk and PnL in the title of the terminal's window."""
    desktop: bool = True
    """Critical alarms as a notification of the desktop (OSC 9), where the terminal can pass one on."""
    keys: dict[str, Any] = msgspec.field(default_factory=dict)
    """Action -> list of keys, in place of ours; an empty list leaves it to the palette and the mouse. `hip3-tui keys` names them all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for action, keys in self.keys.items():
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                raise ValueError(f"keys: expected a list of keys in quotes for {shown(action)} (found {shown(keys)})")
