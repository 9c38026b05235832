"""Every mutant there is, by room of the engine, and those guards that make no difference."""

from __future__ import annotations

from mutants.guards_of_account import GUARDS_OF_ACCOUNT
from mutants.guards_of_entries import GUARDS_OF_ENTRIES
from mutants.guards_of_exits import GUARDS_OF_EXITS
from mutants.guards_of_posts import GUARDS_OF_POSTS
from mutants.guards_of_session import GUARDS_OF_SESSION
from mutants.mutant import Mutant

ROOMS: dict[str, list[Mutant]] = {
    "entries": GUARDS_OF_ENTRIES,
    "posts": GUARDS_OF_POSTS,
    "account": GUARDS_OF_ACCOUNT,
    "exits": GUARDS_OF_EXITS,
    "session": GUARDS_OF_SESSION,
}
MUTANTS: dict[str, Mutant] = {m.name: m for room in ROOMS.values() for m in room}

NOT_NEEDED: dict[str, str] = {}
"""Mutants that no life and no test can tell from the shipped engine, and why that is so."""
