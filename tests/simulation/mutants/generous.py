"""Limits of the risk monitor and of the day so wide that none of them ends a trial which is about something else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

RISK: dict[str, Any] = {
    "max_consecutive_losses": 1_000,
    "max_flatten_failures": 1_000,
    "max_rejected_per_hour": 1_000,
}
DAY: dict[str, Any] = {"max_daily_trades": 10_000, "auto_stop_loss_usd": Decimal(10_000)}
