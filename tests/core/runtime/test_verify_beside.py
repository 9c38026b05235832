"""May the ten checks begin beside a running console, and what is said where not. The checks themselves: tests/end_to_end, on the real program."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snapshots_for_tests as made
from msgspec.structs import replace

from core.config import Config, parse_config
from core.messages.commands import PauseEntries
from core.messages.snapshot import Snapshot
from core.runtime import verify_beside
from core.runtime.verify_beside import VerificationBeside

CONFIG = """
ws_url = "ws://127.0.0.1:4001/ws"
info_url = "http://127.0.0.1:4001/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = { type = "simulator" }
"""


class Engine:
    def __init__(self, latest: Snapshot | None) -> None:
        self.latest = latest
        self.is_done = False
        self.sent: list[Any] = []

    def send(self, command: Any) -> None:
        self.sent.append(command)
        if isinstance(command, PauseEntries) and self.latest is not None:
            self.latest = replace(self.latest, paused=command.paused)

    def wait_done(self, within_s: float) -> bool:
        return False


def beside(latest: Snapshot | None, tmp_path: Path, word: str = "") -> tuple[VerificationBeside, Engine]:
    config: Config = parse_config(CONFIG, "c.toml")
    engine = Engine(latest)
    program: Any = SimpleNamespace(engine=engine, paths=SimpleNamespace(journal=tmp_path / "journal.db"))
    handle = VerificationBeside(program, config, "ada")
    handle.word = word
    return handle, engine


def ready() -> Snapshot:
    """Flat, with nothing under way."""
    flat = made.flat()
    return replace(flat, inflight=replace(flat.inflight, value=0), orders=())


@pytest.mark.parametrize(
    ("latest", "why"),
    [
        (None, "the engine does not run"),
        (replace(ready(), finished=True), "the engine does not run"),
        (replace(ready(), run=replace(ready().run, mode="observation")), "observation mode sends nothing"),
        (made.hard_stopped(), "the hard stop is tripped"),
        (replace(ready(), ready=replace(ready().ready, md_ready=False, missing=("data",))), "not ready: data"),
        (made.snapshot(), "it starts from flat alone"),
        (replace(ready(), orders=(made.order(1),)), "it starts from flat alone"),
    ],
)
def test_it_says_why_it_may_not_begin(latest: Snapshot | None, why: str, tmp_path: Path) -> None:
    handle, engine = beside(latest, tmp_path)
    assert why in handle.begin("")
    assert not handle.is_running
    assert engine.sent == []


def test_under_mainnet_s_rules_the_word_is_asked_for(tmp_path: Path) -> None:
    handle, engine = beside(ready(), tmp_path, "REAL MONEY")
    assert handle.begin("real money") == "type REAL MONEY"
    assert engine.sent == []


def test_entries_are_paused_before_flat_is_judged_by_the_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, engine = beside(ready(), tmp_path)
    asked: list[bool] = []

    def held(config: Config, account: str) -> list[str]:
        asked.append(any(isinstance(c, PauseEntries) and c.paused and c.who == "ada" for c in engine.sent))
        return ["position xyz:SNDK 0.1"]

    monkeypatch.setattr(verify_beside, "what_is_held", held)
    handle._times += 1
    handle._run()
    assert asked == [True]
    assert handle.end == "no verification: it starts from flat alone, and there is position xyz:SNDK 0.1"
    assert not handle.is_running
    assert not any(isinstance(c, PauseEntries) and not c.paused for c in engine.sent), "nothing is resumed by itself"


def test_a_second_one_is_refused_while_one_runs(tmp_path: Path) -> None:
    handle, _ = beside(ready(), tmp_path)
    handle.is_running = True
    assert handle.begin("") == "a verification is under way"
