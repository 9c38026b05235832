"""For how long the key may sign: told in time, each time once, and no entry when it could not be closed any more."""

from __future__ import annotations

from engine_rig import ACCOUNT, NOW, SIGNER, SNDK, Rig, make_config, make_run

from core.config import SafetyConfig
from core.engine.key_watch import LAST_ENTRY_BEFORE_MS, KeyWatch
from core.messages.effects import Alert, Ask, Severity
from core.messages.events import Agent
from core.messages.queries import QueryAgents

HOUR, DAY = 3_600_000, 86_400_000
TESTNET = make_config(safety=SafetyConfig(testnet_only=True))


def test_each_warning_once_the_shortest_first() -> None:
    watch = KeyWatch()
    assert watch.due_warning(0) is None
    watch.on_read(2 * DAY)
    assert watch.due_warning(0) is None
    assert watch.due_warning(DAY + 1) == (Severity.WARNING, "less than a day")
    assert watch.due_warning(DAY + 2) is None
    assert watch.due_warning(2 * DAY - HOUR + 1) == (Severity.CRITICAL, "less than an hour")
    assert watch.due_warning(2 * DAY - HOUR + 2) is None
    last = watch.due_warning(2 * DAY - LAST_ENTRY_BEFORE_MS + 1)
    assert last is not None
    assert last[1].startswith("less than 10 minutes")
    assert watch.due_warning(2 * DAY + 1) is None


def test_a_start_in_the_last_hour_is_told_of_the_hour_alone() -> None:
    watch = KeyWatch()
    watch.on_read(HOUR - 1)
    assert watch.due_warning(0) == (Severity.CRITICAL, "less than an hour")
    assert watch.due_warning(1) is None


def test_a_new_approval_begins_anew() -> None:
    watch = KeyWatch()
    watch.on_read(HOUR - 1)
    assert watch.due_warning(0) is not None
    watch.on_read(HOUR - 1)
    assert watch.due_warning(0) is None
    watch.on_read(DAY - 1)
    assert watch.due_warning(0) == (Severity.WARNING, "less than a day")


def test_no_entry_in_the_last_ten_minutes() -> None:
    watch = KeyWatch()
    assert watch.refuses_entry(0) == ""
    watch.on_read(LAST_ENTRY_BEFORE_MS)
    assert watch.refuses_entry(0) == ""
    assert watch.refuses_entry(1) == "the key's approval ends in 599 s"
    assert watch.refuses_entry(LAST_ENTRY_BEFORE_MS) == "the key's approval has ended"


# --- in the engine -----------------------------------------------------------------------------------------------------


def rig_until(valid_until_ms: int | None) -> Rig:
    rig = Rig(TESTNET, ready=False)
    rig.venue.agents = (Agent("other", "0x" + "9" * 40, NOW + 1), Agent("bot", SIGNER, valid_until_ms))
    rig.ready()
    return rig


def test_the_end_of_the_approval_is_on_the_screen_and_entries_stop_before_it() -> None:
    rig = rig_until(NOW + HOUR)
    assert rig.snapshot().key_valid_until_ms == NOW + HOUR
    rig.enter()
    assert [a.title for a in rig.effects(Alert)] == ["the key's approval ends soon"]
    soon = rig_until(NOW + LAST_ENTRY_BEFORE_MS - 1)
    assert soon.dislocate() is None
    assert soon.market(SNDK).gate.startswith("not ready: the key's approval ends in")


def test_an_agent_that_is_not_listed_has_no_end_that_we_know() -> None:
    rig = Rig(TESTNET)
    assert rig.snapshot().key_valid_until_ms is None
    rig.enter()


def test_a_key_of_the_accounts_own_is_not_asked_about() -> None:
    rig = Rig(TESTNET, run=make_run(TESTNET, signer=ACCOUNT))
    assert not [e for e in rig.effects(Ask) if isinstance(e.query, QueryAgents)]
    assert [e for e in Rig(TESTNET).effects(Ask) if isinstance(e.query, QueryAgents)]
