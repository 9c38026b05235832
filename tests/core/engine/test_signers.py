"""The account and its key while the run lasts; what refuses a start is in test_session.py and the stories of the lessons."""

from __future__ import annotations

from engine_rig import NOW, SIGNER, Rig, foreign_order, make_config

from core.config import SafetyConfig
from core.messages.commands import StartTrading
from core.messages.effects import Ask
from core.messages.events import Agent
from core.messages.queries import QueryAgents
from core.model.order import Cancels


def test_the_agents_are_read_again_every_ten_minutes() -> None:
    rig = Rig(make_config(safety=SafetyConfig(testnet_only=True)))
    rig.venue.agents = (Agent("bot", SIGNER, NOW + 90_000_000),)
    rig.advance(600_000, step=1_000)
    rig.advance(10_000, step=1_000)
    assert len([e for e in rig.effects(Ask) if isinstance(e.query, QueryAgents)]) == 2
    assert rig.snapshot().key_valid_until_ms == NOW + 90_000_000


def test_the_word_that_started_it_is_in_the_audit_trail_and_cancels_what_it_names() -> None:
    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order(oid=71), foreign_order(oid=72)]
    rig.handle(StartTrading(command_id="start", who="ada", text="word MAINNET, 22 checks passed", cancel_oids=(71, 99)))
    rig.ready()
    rig.advance(500)
    (first, *_) = [e for e in rig.snapshot().audit if e.command_id == "start"]
    assert first.text == "started by ada: word MAINNET, 22 checks passed; 2 orders of others to be cancelled"
    cancels = [c.oid for p in rig.posts if isinstance(p.batch, Cancels) for c in p.batch.cancels]
    assert cancels == [71], "and the other one, which the operator left, is left"
