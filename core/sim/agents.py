"""Who may be approved as an agent, under which name, until when.

One agent without a name and three with one per account, two more for each sub-account; a new one of the same name takes the place of the
old. Easy to get wrong: the time limit comes at the end of the name and is no part of it; an address that was an agent once can never be one
again, because its nonces were forgotten with it.

The venue's texts for a bad name, a bad time limit and an unknown agent to remove are not known; those are worded here. That a removal takes
about five seconds is not played; it is immediate.

PROTOCOL 5.1, 10.2.
"""

from __future__ import annotations

import re

from core.sim.accounts import Account
from core.sim.refused import Refused
from core.sim.venue import Venue
from core.sim.wire import Json

_NOBODY = "0x" + "0" * 40
_NAMED = 3
_NAMED_PER_SUB_ACCOUNT = 2
_DAY_MS = 86_400_000
_USUAL_MS = 90 * _DAY_MS
_LONGEST_MS = 180 * _DAY_MS
_NAME = re.compile(r"(?P<name>.*?)(?: valid_until (?P<until>[0-9]{1,16}))?", re.DOTALL)
_LONGEST_NAME = 16
_REMOVAL_MS = 5_000
"""How long a removal is pending; until then nobody is approved."""


def approve(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Approve or, with the address of nobody, remove.

    Raises:
        Refused: With the venue's text.
    """
    agent = action["agentAddress"].lower()
    name, until_ms = _read_name(action.get("agentName") or "", now_ms)
    if now_ms < account.agent_removal_ms + _REMOVAL_MS:
        raise Refused("User has pending agent removal")
    if agent == _NOBODY:
        _remove(venue, account, name)
        account.agent_removal_ms = now_ms
        return
    if agent in venue.used_agents or agent in venue.accounts:
        raise Refused("Extra agent already used.")
    _drop_expired(venue, account, now_ms)
    named = sum(bool(n) for n in account.agents.values())
    limit = _NAMED + _NAMED_PER_SUB_ACCOUNT * len(account.sub_accounts)
    if name and name not in account.agents.values() and named >= limit:
        raise Refused(f"Too many extra agents for cumulative volume traded. Current limit is {limit}")
    venue.approve_agent(account.user, agent, name, until_ms)
    venue.changed_users[account.user] = None


def _read_name(text: str, now_ms: int) -> tuple[str, int]:
    found = _NAME.fullmatch(text)
    assert found is not None
    name, until = found["name"], found["until"]
    if len(name) > _LONGEST_NAME:
        raise Refused(f"Agent name must be at most {_LONGEST_NAME} characters.")
    until_ms = now_ms + _USUAL_MS if until is None else int(until)
    if not now_ms < until_ms <= now_ms + _LONGEST_MS:
        raise Refused("Agent valid_until must be in the future and at most 180 days away.")
    return name, until_ms


def _remove(venue: Venue, account: Account, name: str) -> None:
    agent = next((a for a, n in account.agents.items() if n == name), None)
    if agent is None:
        raise Refused(f"No agent has the name {name!r}.")
    venue.remove_agent(agent)
    venue.changed_users[account.user] = None


def _drop_expired(venue: Venue, account: Account, now_ms: int) -> None:
    for agent in list(account.agents):
        venue.user_of(agent, now_ms)
