"""What can be made to go wrong on purpose, by name, how often, how long and for whom.

Holds the faults that were asked for and answers "does this one strike now?". Strikes nobody itself: those that change the venue's answers
are asked for by the exchange, those that lose, delay or cut are asked for by the server. Easy to get wrong: a fault with a count is
used up by striking, so it is asked for once, exactly where it acts.

PROTOCOL 14 (faults worth simulating), LESSONS.
"""

from __future__ import annotations

from msgspec import Struct


class FaultError(ValueError):
    """A fault that does not exist or does not take these settings; the text lists what is allowed."""


FAULTS: dict[str, str] = {
    "lose_request": "an action never reaches the venue and is never answered",
    "lose_reply": "an action is executed, its reply is lost",
    "late_reply": "an action's reply comes `ms` later",
    "drop_after_execution": "an action is executed, then the connection is cut before the reply",
    "silent_channels": "subscriptions deliver nothing (of `channels`, by the name their frames bear; default all) while pong still works",
    "mute_order_updates": "orderUpdates frames are not sent",
    "duplicate_snapshot": "the snapshot of an account channel is sent twice on subscribe",
    "unknown_oid_once": "orderStatus answers unknownOid although the order exists",
    "empty_clearinghouse_once": "clearinghouseState answers an empty account",
    "post_only": "orders other than Alo are refused as after a network upgrade",
    "reject_all": "every order is refused with `text`; with level = action the whole action is",
    "info_down": "info requests fail with HTTP 502",
}

_ONE_BY_DEFAULT = frozenset(
    {
        "lose_request",
        "lose_reply",
        "late_reply",
        "drop_after_execution",
        "unknown_oid_once",
        "empty_clearinghouse_once",
        "duplicate_snapshot",
    }
)


class Fault(Struct, eq=False):
    """One wish for trouble."""

    name: str
    left: int | None
    """How often it still strikes; None: until its time is over or it is cleared."""
    until_ms: int | None
    address: str | None
    """Only this user; None: everybody."""
    ms: int = 1_000
    text: str = "Rejected by the simulator's fault."
    level: str = "order"
    channels: tuple[str, ...] = ()


class FaultBoard:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        name: str,
        now_ms: int,
        *,
        count: int | None = None,
        for_ms: int | None = None,
        address: str | None = None,
        ms: int = 1_000,
        text: str = "Rejected by the simulator's fault.",
        level: str = "order",
        channels: tuple[str, ...] = (),
    ) -> Fault:
        """Put a fault in force.

        Args:
            count: How often it strikes. Default: once for faults of a single event, else without limit.
            for_ms: How long it stays in force. Default: until cleared.
            address: The one user it strikes. Default: all.

        Raises:
            FaultError: No such fault, or a level other than order and action.
        """
        if name not in FAULTS:
            raise FaultError(f"fault {name!r} does not exist; allowed: {', '.join(FAULTS)}")
        if level not in ("order", "action"):
            raise FaultError(f"level {level!r}: allowed are order, action")
        if level == "action" and name != "reject_all":
            raise FaultError(f"level {level!r}: only reject_all has it")
        if count is None and for_ms is None and name in _ONE_BY_DEFAULT:
            count = 1
        fault = Fault(
            name,
            count,
            None if for_ms is None else now_ms + for_ms,
            None if address is None else address.lower(),
            ms,
            text,
            level,
            channels,
        )
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, name: str, now_ms: int, user: str | None = None, level: str = "order") -> Fault | None:
        """Use one stroke of a fault, if one is in force for this user (and, of those that have one, at this level)."""
        assert name in FAULTS, name
        for fault in self._faults:
            if fault.name != name or fault.level != level or (fault.until_ms is not None and now_ms >= fault.until_ms):
                continue
            if fault.address is not None and fault.address != user:
                continue
            if fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self._faults.remove(fault)
            return fault
        return None

    def silences(self, channel: str, now_ms: int, user: str | None) -> bool:
        """Whether frames of a channel are held back."""
        if not self._faults:
            return False
        for fault in self._faults:
            if fault.until_ms is not None and now_ms >= fault.until_ms:
                continue
            if fault.address is not None and fault.address != user:
                continue
            if fault.name == "silent_channels" and (not fault.channels or channel in fault.channels):
                return True
            if fault.name == "mute_order_updates" and channel == "orderUpdates":
                return True
        return False

    def in_force(self) -> list[dict[str, object]]:
        return [{"name": f.name, "left": f.left, "until_ms": f.until_ms, "address": f.address} for f in self._faults]
