"""Who signs for whom: the account must be what it is taken for, and the key one that may trade for it, for as long as the run lasts.

Read at the start and again every ten minutes. Before the first READY what does not fit refuses the start; afterwards it is a HardStop. Easy to
get wrong: an agent's address answers empty to every question and nothing fails, so it must never be taken for an account.

SPEC 5; lesson L16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.config import Network
from core.engine.machines import Machines
from core.messages.effects import Refuse, Severity
from core.messages.events import AgentsRead, RoleRead
from core.messages.queries import Query, QueryAgents, QueryRole

AGAIN_MS = 5_000
_ROLES_EVERY_MS = 600_000
"""An agent that expired or was replaced is noticed within this time."""

Regular = tuple[Query, int, int]
"""What is asked again and again: how often, and not before when."""


class Signers:
    """Args: trip: pulls the HardStop with a reason."""

    def __init__(self, m: Machines, trip: Callable[[str], None]) -> None:
        self._m = m
        self._trip = trip
        self._roles_read_ms: dict[str, int] = {}
        self._agents_read_ms: int | None = None

    @property
    def are_known(self) -> bool:
        return all(a in self._roles_read_ms for a in self._addresses())

    def regular_reads(self) -> Iterator[Regular]:
        for address in self._addresses():
            yield QueryRole(address), AGAIN_MS, old_at_ms(self._roles_read_ms.get(address), _ROLES_EVERY_MS)
        # On a simulator that rehearses nothing an agent's approval ends on purpose or not at all.
        if len(self._addresses()) > 1 and self._m.config.rules is not Network.SIMULATOR:
            yield QueryAgents(), AGAIN_MS, old_at_ms(self._agents_read_ms, _ROLES_EVERY_MS)

    def on_role(self, event: RoleRead) -> None:
        m = self._m
        m.asker.on_answer(QueryRole(event.address), m.now)
        refusal = self._unfit_role(event)
        if refusal and m.link.was_ready:
            self._roles_read_ms.pop(event.address, None)
            self._trip(refusal)
        elif refusal:
            m.note(Severity.CRITICAL, "refused", refusal)
            m.emit(Refuse(refusal))
        else:
            self._roles_read_ms[event.address] = m.now
            if self.are_known:
                m.readiness.on_bootstrap("role")

    def on_agents(self, event: AgentsRead) -> None:
        m = self._m
        m.asker.on_answer(QueryAgents(), m.now)
        self._agents_read_ms = m.now
        ours = next((a for a in event.agents if a.address == m.run.signer.lower()), None)
        m.key_watch.on_read(ours.valid_until_ms if ours is not None else None)

    def on_tick(self) -> None:
        m = self._m
        warning = m.key_watch.due_warning(m.now)
        if warning is not None:
            severity, words = warning
            m.alert(
                severity, "the key's approval ends soon", f"{words}; approve a new agent and start again with its key"
            )

    # --- inside ------------------------------------------------------------------------------------------------------

    def _unfit_role(self, event: RoleRead) -> str:
        run, address = self._m.run, event.address
        if address == run.account.lower():
            if event.role == "agent":
                return f"account {address} is an agent's address; put its master's, {event.owner}, into account.address"
            if event.role != "user" and self._m.trading:
                is_what = "not known to the exchange" if event.role == "missing" else f"a {event.role}"
                return f"account {address} is {is_what}; this version trades for a master account only"
            return ""
        if event.role != "agent" or event.owner != run.account.lower():
            is_what = f"an agent of {event.owner}" if event.owner else f"of role {event.role}"
            return f"the key's address {address} is no approved agent of account {run.account}: it is {is_what}"
        return ""

    def _addresses(self) -> tuple[str, ...]:
        """The account's and, if another one signs for it, the key's."""
        run = self._m.run
        both = (run.account.lower(), run.signer.lower()) if self._m.trading and run.signer else (run.account.lower(),)
        return tuple(dict.fromkeys(both))


def old_at_ms(read_ms: int | None, every_ms: int) -> int:
    return 0 if read_ms is None else read_ms + every_ms
