"""The Prometheus endpoint: on or off, and where.

Always on loopback: figures of an account are nobody else's business, and whoever wants them elsewhere puts a proxy in front.

SPEC 10.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from core.config_section import Section


class MetricsConfig(Section, frozen=True):
    port: Annotated[int, Meta(ge=1_024, le=65_535)] | None = None
    """Port on 127.0.0.1. Default: no endpoint. One that is taken already means no metrics, said once; trading goes on."""
