"""What must hold in every world, each checker one thing, judged on what really happened (ledger) and on the venue's truth.

`all_checkers()` makes one fresh set for one world. A checker that finds something wrong raises Violation with its own name, which is how
the report of the mutants says who caught what.
"""

from __future__ import annotations

from account_checkers import ACCOUNT_CHECKERS
from book_checkers import BOOK_CHECKERS
from ending_checkers import ENDING_CHECKERS
from entrance_checkers import (
    DailyCap,
    Denials,
    EntryAllowed,
    EntryInTime,
    EntryWorth,
    Exposure,
    OneEntry,
)
from fitness_checkers import FITNESS_CHECKERS
from ledger import Ledger
from more_checkers import ENTRY_CHECKERS
from posts_checkers import POSTS_CHECKERS
from risk_checkers import RISK_CHECKERS
from run_checkers import RUN_CHECKERS
from session_checkers import SESSION_CHECKERS
from signer_checkers import SIGNER_CHECKERS
from stop_checkers import STOP_CHECKERS
from ticket_checkers import TICKET_CHECKERS
from view_checkers import VIEW_CHECKERS
from way_out_checkers import Books, Connection, ForeignOrders, Latch, Reducing, Stops, TimeStopped
from wire_checkers import Batches, Inflight, Nonces, OnTheWire

from core.sim.world.watcher import Watcher


def all_checkers() -> tuple[Ledger, list[Watcher]]:
    """A fresh set for one world; the ledger has to come first among its watchers."""
    ledger = Ledger()
    kinds = (
        Exposure,
        Nonces,
        OneEntry,
        EntryAllowed,
        EntryInTime,
        EntryWorth,
        DailyCap,
        TimeStopped,
        Inflight,
        Batches,
        OnTheWire,
        Reducing,
        Denials,
        Latch,
        Stops,
        ForeignOrders,
        Connection,
        Books,
        *ENTRY_CHECKERS,
        *RISK_CHECKERS,
        *BOOK_CHECKERS,
        *POSTS_CHECKERS,
        *STOP_CHECKERS,
        *TICKET_CHECKERS,
        *SESSION_CHECKERS,
        *ENDING_CHECKERS,
        *SIGNER_CHECKERS,
        *ACCOUNT_CHECKERS,
        *FITNESS_CHECKERS,
        *RUN_CHECKERS,
        *VIEW_CHECKERS,
    )
    return ledger, [kind(ledger) for kind in kinds]
