"""Guards that stand behind others: which ones have to be gone as well before a life can come to them.

A second line does nothing while the first one holds, so no life can be red without it alone. It is tried with its first lines taken out:
the engine without them is green in the life of the record, and red without the second line too. Decides nothing about red.
"""

from __future__ import annotations

BEHIND: dict[str, tuple[str, ...]] = {
    "entries.last_too_old": ("entries.waits_too_long",),
    "by_hand.too_old": ("entries.waits_too_long",),
    "stopping.all_ended": ("stopping.latched_goes_on",),
    "stopping.left_connected": ("stopping.left_sync",),
    "stopping.stop_ends": ("stopping.stop_goes_on",),
    "stopping.queue_dropped": ("entries.last_stopped",),
    "stopping.stop_queue": ("entries.last_stopped",),
    "scheduler.exit_unsettled": ("exits.unsettled_exit",),
    "scheduler.limited_no_new": ("gates.budget",),
    "machines.every_connected": ("engine.tick_connected",),
    "scheduler.exit_queued": ("exits.unsettled", "scheduler.exit_unsettled"),
    "entries.last_position": ("entries.last_flattening",),
    "entries.last_stopped": ("stopping.queue_dropped", "stopping.stop_queue"),
    "markets.age_of_future": ("markets.back_touch",),
    "markets.ctx_of_future": ("markets.back_ctx",),
}
"""Name of a mutant -> the mutants that are its first lines."""
