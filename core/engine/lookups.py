"""LookupDesk: orders whose outcome is not known, and what it takes to know it.

Silence is not rejection. An UNKNOWN order is asked for by cloid, again and again; one "unknown" is not proof of absence, the index may
lag. It is proven never executed only when its time to arrive is over, the exchange did not know it at least twice after that, and a
reading of the fills that covers its time shows none. An exit is repeated meanwhile as the same signed bytes (the nonce admits them
once); a late entry is never repeated.

SPEC 7 (outcome timeout); lessons L04, L18, L19; PROTOCOL 8.3, 12.
"""

from __future__ import annotations

from collections.abc import Callable

from core.model.cloid import Cloid
from core.model.order import TrackedOrder

ASK_EVERY_MS = 1_000
REPEAT_EVERY_MS = 1_500
MAX_REPEATS = 3
_ARRIVAL_MARGIN_MS = 2_000
"""After its expiry: our clock and the exchange's need not agree."""
_NO_EXPIRY_MS = 8_000
"""An exit carries no expiry: how long it may still be on its way before absence starts to count."""
COPY_ARRIVES_MS = 5_000
"""The same of a copy. Three of them in their time leave the whole as it is: the last leaves 3 s after the first."""
_INDEX_LAG_MS = 1_000
"""How far what can be asked may lie behind what was executed."""
_MISSES_NEEDED = 2
NO_POST = 0
"""In place of a post id: there are no signed bytes to repeat."""


class Case:
    """One order that is being looked for."""

    def __init__(
        self, cloid: Cloid, post_id: int, sent_ms: int, expires_ms: int | None, repeatable: bool, now_ms: int
    ) -> None:
        self.cloid = cloid
        self.post_id = post_id
        """The post whose signed bytes may be repeated."""
        self.sent_ms = sent_ms
        self.since_ms = now_ms
        self.repeatable = repeatable
        self.repeats = 0
        self.next_repeat_ms = now_ms
        self.absent_counts_from_ms = (expires_ms if expires_ms is not None else now_ms + _NO_EXPIRY_MS) + (
            _ARRIVAL_MARGIN_MS if expires_ms is not None else 0
        )
        self.misses = 0
        """Answers "unknown" to questions asked after that time."""
        self.fills_covered = False
        self.not_listed = False
        """A list of open orders, asked for after that time, did not have it."""

    def is_proven_absent(self, order: TrackedOrder | None) -> bool:
        """One that may rest is there until a list of open orders is without it, whatever is said when it is asked for by its id."""
        if order is not None and order.may_rest and not self.not_listed:
            return False
        return self.misses >= _MISSES_NEEDED and self.fills_covered


def words_of_absence(order: TrackedOrder | None) -> tuple[str, str]:
    """What is written of an order that is proven absent, and what is told: one that filled in part did reach the exchange."""
    if order is not None and order.filled_size:
        return "filled in part, its rest never executed", "filled in part; the exchange knows nothing more of it"
    return "never executed: proven absent", "never reached the exchange"


class LookupDesk:
    def __init__(self) -> None:
        self._cases: dict[Cloid, Case] = {}

    def open(self, case: Case) -> None:
        self._cases.setdefault(case.cloid, case)

    def close(self, cloid: Cloid) -> Case | None:
        return self._cases.pop(cloid, None)

    def get(self, cloid: Cloid) -> Case | None:
        return self._cases.get(cloid)

    def all(self) -> list[Case]:
        return list(self._cases.values())

    @property
    def is_empty(self) -> bool:
        return not self._cases

    def uses_post(self, post_id: int) -> bool:
        return any(c.post_id == post_id for c in self._cases.values())

    def on_miss(self, cloid: Cloid, asked_ms: int) -> Case | None:
        """The exchange does not know the order (yet)."""
        case = self._cases.get(cloid)
        if case is not None and asked_ms >= case.absent_counts_from_ms:
            case.misses += 1
        return case

    def on_fills_read(self, start_ms: int, asked_ms: int, complete: bool) -> None:
        """A reading of the fills came back and its fills are applied: it covers the cases it reaches back to."""
        for case in self._cases.values():
            if complete and start_ms <= case.sent_ms and asked_ms >= case.absent_counts_from_ms:
                case.fills_covered = True

    def on_open_orders(
        self, dex: str, there: set[int], asked_ms: int, order_of: Callable[[Cloid], TrackedOrder | None]
    ) -> None:
        """A list of the open orders of a dex came: what it does not have does not rest."""
        for case in self._cases.values():
            order = order_of(case.cloid)
            if order is not None and order.market.dex == dex and order.oid not in there:
                case.not_listed |= asked_ms >= case.absent_counts_from_ms

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: repeats and the proof of absence come no later."""
        for case in self._cases.values():
            case.sent_ms -= by_ms
            case.since_ms -= by_ms
            case.next_repeat_ms -= by_ms
            case.absent_counts_from_ms -= by_ms

    def on_nonce_used(self, post_id: int, now_ms: int) -> None:
        """The exchange has had these bytes: whatever they did is done, so absence counts as soon as its index has caught up."""
        for case in self._cases.values():
            if case.post_id == post_id:
                case.repeatable = False
                case.absent_counts_from_ms = min(case.absent_counts_from_ms, now_ms + _INDEX_LAG_MS)

    def due_repeat(self, now_ms: int) -> int | None:
        """A post whose bytes should be sent once more, each at most `MAX_REPEATS` times. It counts as repeated from here on.

        A copy needs its time to arrive, so after a late one absence counts later. Once a miss has counted no copy leaves any more:
        the next attempt, at a price of now, is nearer.
        """
        due: int | None = None
        for case in self._cases.values():
            wanted = case.repeatable and case.repeats < MAX_REPEATS and case.misses == 0
            if wanted and now_ms >= case.next_repeat_ms:
                due = case.post_id if due is None else due
                if case.post_id == due:
                    case.repeats += 1
                    case.next_repeat_ms = now_ms + REPEAT_EVERY_MS
                    case.absent_counts_from_ms = max(case.absent_counts_from_ms, now_ms + COPY_ARRIVES_MS)
                    case.fills_covered = case.not_listed = False
        return due

    @property
    def earliest_sent_ms(self) -> int | None:
        return min((c.sent_ms for c in self._cases.values()), default=None)
