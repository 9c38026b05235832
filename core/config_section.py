"""What every section of a file is: frozen, with no unknown key, and with ranges for its Decimal settings.

Easy to get wrong: msgspec checks ranges of int and float alone, so a Decimal without a range here has none.

SPEC 9.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from core.config_errors import shown


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Decimal settings get their range here: msgspec checks ranges of int and float alone."""

    ranges: ClassVar[dict[str, tuple[str, str]]] = {}
    """Setting -> lowest and highest value, both allowed."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Settings whose values may hold a secret: `hip3-tui config show` and everything else that shows a config leaves them out."""

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            value: Decimal | None = getattr(self, name)
            if value is not None and not (value.is_finite() and Decimal(low) <= value <= Decimal(high)):
                raise ValueError(f"{name}: expected a number from {low} to {high} (found {shown(value)})")
