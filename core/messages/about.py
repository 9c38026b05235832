"""What the program is and what it is set to, for whoever must know which one they look at. Never a key: the settings do not hold one.

SPEC 11.
"""

from __future__ import annotations

from msgspec import Struct


class AboutPart(Struct, frozen=True):
    """A heading and its lines: name and value, or a line of text with an empty name."""

    title: str
    lines: tuple[tuple[str, str], ...]
