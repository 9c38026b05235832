"""Where alerts go, and how often: notification URLs and the manners of sending them.

Knows settings alone; reading the URLs, judging and sending them is core.runtime's. Rule that is easy to get wrong: a notification URL
is a secret, whoever has it may write in the operator's channel. So it belongs in the environment or in a file; one written into the config
itself is taken out (`masked`) before anything that keeps or shows a config gets to see it, and no repr shows it.

SPEC 8 (AlertService), 9.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from core.config_errors import masked_url
from core.config_section import Section

_MOST_PLACES = 16
"""Each target has a thread of its own."""
_Name = Annotated[str, Meta(min_length=1, max_length=1_000)]
_Places = Annotated[tuple[_Name, ...], Meta(max_length=_MOST_PLACES)]


class AlertsConfig(Section, frozen=True):
    """No URL, no alerts: they are then in the log and on the screen alone."""

    secrets: ClassVar[tuple[str, ...]] = ("urls",)

    urls: _Places = ()
    """Written here: for a local server and for trying out. Whoever reads the config file can send to it."""
    urls_env: _Places = ()
    """Names of variables; each holds one URL or several, with blanks between them."""
    urls_files: _Places = ()
    """Files with one URL a line; # begins a comment. Relative to this file. Should be readable by their owner alone."""
    min_severity: Literal["info", "warning", "critical"] = "info"
    """info tells orderly stops and checkpoints too, warning leaves those out, critical tells only what needs a hand now."""
    max_per_minute: Annotated[int, Meta(ge=1, le=60)] = 10
    """For each target: beyond it they are gathered into one message. A critical alert of a kind not told within the minute is never held back."""
    same_within_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 60_000
    """The same alert again within this time is counted instead of sent; the count is told when the time is over."""
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """For connecting, and again for the answer, of each attempt."""
    retry_for_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 3_600_000
    """An alert that cannot be delivered is tried again for this long: what cut us off from the exchange cuts us off from the channel too."""
    exit_wait_ms: Annotated[int, Meta(ge=0, le=30_000)] = 5_000
    """How long the end of the program waits for the last ones."""

    @property
    def has_targets(self) -> bool:
        return bool(self.urls or self.urls_env or self.urls_files)

    def masked(self) -> AlertsConfig:
        """The same without any secret: what a tape, a journal or a screen may have."""
        return msgspec.structs.replace(self, urls=tuple(masked_url(url) for url in self.urls))

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # what a crash report of the console prints
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        shown["urls"] = tuple(masked_url(url) for url in self.urls)
        return list(shown.items())

    def __repr__(self) -> str:
        return f"AlertsConfig({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
