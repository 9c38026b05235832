"""The refusal of a whole action.

PROTOCOL 10.2.
"""

from __future__ import annotations


class Refused(Exception):
    """`status: err` with this text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
