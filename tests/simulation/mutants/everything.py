"""Every mutant there is, by room of the engine, and those guards that make no difference."""

from __future__ import annotations

from mutants.guards_of_account import GUARDS_OF_ACCOUNT
from mutants.guards_of_emergency import GUARDS_OF_EMERGENCY
from mutants.guards_of_entries import GUARDS_OF_ENTRIES
from mutants.guards_of_exits import GUARDS_OF_EXITS
from mutants.guards_of_hands import GUARDS_OF_HANDS
from mutants.guards_of_lessons import GUARDS_OF_LESSONS
from mutants.guards_of_looks import GUARDS_OF_LOOKS
from mutants.guards_of_outcomes import GUARDS_OF_OUTCOMES
from mutants.guards_of_posts import GUARDS_OF_POSTS
from mutants.guards_of_preflight import GUARDS_OF_PREFLIGHT
from mutants.guards_of_session import GUARDS_OF_SESSION
from mutants.guards_of_the_run import GUARDS_OF_THE_RUN
from mutants.guards_of_view import GUARDS_OF_VIEW
from mutants.mutant import Mutant
from mutants.second_lines import BEHIND

ROOMS: dict[str, list[Mutant]] = {
    "entries": GUARDS_OF_ENTRIES,
    "posts": GUARDS_OF_POSTS,
    "outcomes": GUARDS_OF_OUTCOMES,
    "account": GUARDS_OF_ACCOUNT,
    "exits": GUARDS_OF_EXITS,
    "session": GUARDS_OF_SESSION,
    "view": GUARDS_OF_VIEW,
    "lessons": GUARDS_OF_LESSONS,
    "run": GUARDS_OF_THE_RUN,
    "hands": GUARDS_OF_HANDS,
    "looks": GUARDS_OF_LOOKS,
    "emergency": GUARDS_OF_EMERGENCY,
    "preflight": GUARDS_OF_PREFLIGHT,
}
MUTANTS: dict[str, Mutant] = {m.name: m for room in ROOMS.values() for m in room}

NOT_NEEDED: dict[str, str] = {
    "account.absent_by_status": "Stands in for absent_by_fills and that one for it: absence is concluded with the next answer of the other kind, a second later at most. Both gone is caught (lookups, account).",
    "account.absent_by_fills": "As absent_by_status, the other way round.",
    "account.believe_ended": "OrderTable.believe_fills refuses an order that has not ended; without it here there is only a line too many in the audit trail.",
    "stopping.stop_foreign_latched": "While latched the hard stop's own call of the same tick has asked for everything this one asks for, and more.",
    "stopping.confirm_anew": "A confirmation is only taken while the time since flat is set, and goes with it (confirm_lost): there is none left to clear.",
    "operator.want_sent": "Cancel-all has emptied the queue before, and cancel-order takes a queued order back itself: none that is queued comes here.",
    "session.connected_asks_anew": "The disconnect before has forgotten all questions, and without a connection none is asked (Machines.ask).",
    "engine.disconnect_entries": "A queued entry is unsettled, so the disconnect trips and the trip empties the queue; in an orderly stop the queue is empty already.",
    "asking.interval_free": "Asker.ask itself gives nothing while the question is out (one_at_a_time, which is caught); this one only keeps the tick from looking in vain.",
    "emergency.confirmed_trouble": "What failed or is under way is due at some time, and never at no time: due_ms tells it alone. Only a state made by hand (test_emergency_guards) does not know that.",
    "emergency_nonces.from_now": "Every number is at least AHEAD_MS above the clock of the moment when it is drawn, which is not earlier than the start.",
    "engine.tick_connected": "Without a connection Machines.ask asks nothing; what the tick notes down of it goes with the next disconnect.",
}
"""Mutants that no life, and no test but one that makes up a state, can tell from the shipped engine, and why: second lines that cost nothing."""


def first_lines(mutant: Mutant) -> tuple[Mutant, ...]:
    """What has to be gone before this guard is asked at all."""
    return tuple(MUTANTS[name] for name in BEHIND.get(mutant.name, ()))
