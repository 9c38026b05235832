"""What the venue does by itself in every block: fires triggers, slices of TWAPs, scheduled cancels, funding on the hour, liquidations.

Decides when, the modules it calls decide what. Easy to get wrong: it runs in every block of about 70 ms, so whatever has nothing to do must
cost nothing; and a clock that jumped over several hours has one funding, not one for each.

PROTOCOL 12 (scheduleCancel, funding), 14.
"""

from __future__ import annotations

from core.sim import funding, liquidation, twap
from core.sim.desk import fire
from core.sim.market import BLOCK_MS
from core.sim.venue import Venue

_DAY_MS = 86_400_000
_LOOK_EVERY_MS = 10 * BLOCK_MS


def run(venue: Venue, block_ms: int) -> None:
    """Everything that is due in this block."""
    if venue.triggers:
        _fire_triggers(venue, block_ms)
    if venue.twaps:
        twap.run(venue, block_ms)
    if venue.scheduled:
        _scheduled_cancels(venue, block_ms)
    if block_ms >= venue.look_again_ms:
        _look_at_all(venue, block_ms)


def pay_the_hour(venue: Venue, now_ms: int) -> int:
    """Funding, if an hour has begun whose funding is not paid; which hour it is.

    Before an action too: what is opened in the first moment of an hour, ahead of its first block, does not pay for the hour that was.
    """
    hour = now_ms // funding.HOUR_MS
    if hour > venue.funded_hour:  # an action of this hour may have come before the last block of the one before
        venue.funded_hour = hour
        funding.pay(venue, now_ms)
    return hour


def _look_at_all(venue: Venue, block_ms: int) -> None:
    """What concerns every account: several times in ten seconds, and first thing in every hour."""
    hour = pay_the_hour(venue, block_ms)
    liquidation.run(venue, block_ms)
    venue.look_again_ms = min(block_ms + _LOOK_EVERY_MS, (hour + 1) * funding.HOUR_MS)


def _fire_triggers(venue: Venue, block_ms: int) -> None:
    for coin in list(venue.triggers):
        if venue.is_halted(coin, block_ms):
            continue
        mark_px = venue.markets[coin].mark_px
        for order in list(venue.triggers[coin].values()):
            assert order.trigger is not None
            if order.is_waiting and order.trigger.is_met(mark_px):
                fire(venue, order, block_ms)


def _scheduled_cancels(venue: Venue, block_ms: int) -> None:
    for user in list(venue.scheduled):
        account = venue.accounts[user]
        if account.schedule_cancel_ms is None or block_ms < account.schedule_cancel_ms:
            continue
        del venue.scheduled[user]
        account.schedule_cancel_ms = None
        day, fired = account.scheduled_fired
        today = block_ms // _DAY_MS
        account.scheduled_fired = (today, fired + 1 if day == today else 1)
        venue.cancel_all(user, "scheduledCancel", block_ms)
