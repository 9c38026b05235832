"""The ten checks on the program that runs, asked for at its console: in a thread of their own, on its engine, with its own entries paused.

Decides whether they may begin; the checks themselves are verify_program's. Easy to get wrong: an entry may be under way when they are asked for, so
flat is judged after the pause, and by the exchange; and nothing is resumed afterwards, because only the operator knows whether it should be.

SPEC 9 (verification), 11.
"""

from __future__ import annotations

import platform
import threading
import time

from msgspec.structs import replace

import core
from core.config import Config, ConfigError, Network
from core.messages.commands import PauseEntries
from core.messages.preflight import WORD
from core.messages.snapshot import Snapshot
from core.messages.verification import CheckResult, VerificationReport
from core.runtime.assembly import Program
from core.runtime.verify_desk import LOOK_S, NoAnswer
from core.runtime.verify_program import Verification, what_is_held
from core.runtime.verify_report import write

_SETTLED_WITHIN_S = 15.0
_FIRST_NUMBER, _NUMBERS_EACH = 0x8_0000, 1_000
"""Of the orders by hand: the upper half, a thousand for each time, so that the operator's own tickets are never met."""


class VerificationBeside:
    """Implements core.messages.verification.VerificationHandle."""

    def __init__(self, program: Program, config: Config, who: str) -> None:
        self._program = program
        self._who = who
        self._config = config
        self.word = WORD if config.rules is Network.MAINNET else ""
        allowed = config.safety.allowed_markets or tuple(m.coin for m in config.markets)
        self.market = allowed[0]
        self.is_running = False
        self.results: tuple[CheckResult, ...] = ()
        self.end = ""
        self._times = 0

    def begin(self, word: str) -> str:
        refusal = self._refusal(word)
        if refusal:
            return refusal
        self._times += 1
        self.is_running, self.results, self.end = True, (), ""
        threading.Thread(target=self._run, name="verification", daemon=True).start()
        return ""

    # --- inside ----------------------------------------------------------------------------------------------------------------

    def _refusal(self, word: str) -> str:
        s = self._program.engine.latest
        if self.is_running:
            return "a verification is under way"
        if s is None or s.finished or s.shutdown is not None or self._program.engine.is_done:
            return "the engine does not run"
        if s.run.mode != "trading":
            return "observation mode sends nothing"
        if s.hard_stop.tripped:
            return "the hard stop is tripped"
        if not s.ready.is_ready:
            return f"not ready: {'; '.join(s.ready.missing)}"
        if s.positions or not _is_quiet(s):
            return "it starts from flat alone: flatten and cancel first"
        if self.word and word.strip() != self.word:
            return f"type {self.word}"
        return ""

    def _run(self) -> None:
        try:
            self.end = self._verify()
        except (NoAnswer, ConfigError) as e:
            self.end = f"no verification: {e}"
        except Exception as e:
            self.end = f"broken off: {type(e).__name__}: {e}"
        finally:
            self.is_running = False

    def _verify(self) -> str:
        engine, name = self._program.engine, f"verify-{self._times}"
        engine.send(PauseEntries(command_id=f"{name}-begin", who=self._who, paused=True))
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        while not ((s := engine.latest) is not None and s.paused and _is_quiet(s)):
            if engine.wait_done(LOOK_S) or time.monotonic() >= deadline:
                return "no verification: orders were still under way after the pause"
        config = self._config
        if config.runs_own_simulator:  # its port was not known when the config was read
            config = replace(config, info_url=s.run.ws_url.replace("ws", "http", 1).removesuffix("/ws") + "/info")
        held = what_is_held(config, s.run.account)
        if held:
            return f"no verification: it starts from flat alone, and there is {', '.join(held)}"
        market = next(m.key for m in config.markets if m.coin == self.market)
        first = _FIRST_NUMBER + _NUMBERS_EACH * self._times
        checks = Verification(self._program, config, market, self._tell, name=name, first_number=first).run()
        report = VerificationReport(
            at_ms=s.at_ms,
            network=config.network.value,
            rules=config.rules.value,
            place=s.run.ws_url,
            account=s.run.account,
            signer=s.run.signer,
            market=self.market,
            versions=(("hip3-tui", core.__version__), ("python", platform.python_version())),
            checks=checks,
        )
        toml, _ = write(report, self._program.paths.journal.parent / "verification")
        return f"summary: {toml}"

    def _tell(self, result: CheckResult) -> None:
        self.results = (*self.results, result)


def _is_quiet(s: Snapshot) -> bool:
    return all(order.is_settled or order.is_external for order in s.orders) and not s.inflight.value
