"""What a console is given beside the engine: the journal, the hand on the simulator, what it is made of, a first greeting.

Easy to get wrong: none of it may be loaded before the first frame, so each part loads its library when it is first asked, which is in a worker thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.messages.about import AboutPart

if TYPE_CHECKING:
    from core.config import Config
    from core.messages.drill import DrillHandle
    from core.messages.records import Page, RecordKind, Step
    from core.messages.report import Report
    from core.messages.simulator import FaultInfo, FaultInForce
    from core.messages.verification import CheckResult
    from core.runtime.assembly import Program
    from core.runtime.journal_reader import JournalReader
    from core.runtime.simulator_client import SimulatorClient
    from core.runtime.verify_beside import VerificationBeside

GREETING = "HIP3_GREETING"
"""Set to ``off``, nobody is greeted: for tests and for machines that many people use."""


class LaterRecords:
    """Implements core.messages.records.RecordsHandle over a file; its library is loaded at the first question.

    Args:
        where: Which file; asked each time, because a window may look at one program after another.
    """

    def __init__(self, where: Callable[[], Path]) -> None:
        self._where = where

    @property
    def _reader(self) -> JournalReader:
        from core.runtime.journal_reader import JournalReader

        return JournalReader(self._where())

    @property
    def source(self) -> str:
        return str(self._where())

    def page(self, kind: RecordKind, **options: Any) -> Page:
        return self._reader.page(kind, **options)

    def chain(self, correlation_id: str) -> tuple[Step, ...]:
        return self._reader.chain(correlation_id)

    def report(self, day: date | None = None) -> Report:
        return self._reader.report(day)


class LaterSimulator:
    """Implements core.messages.simulator.SimulatorHandle, loaded at the first question."""

    def __init__(self, program: Program) -> None:
        self._program = program

    @cached_property
    def _client(self) -> SimulatorClient:
        from core.runtime.simulator_client import SimulatorClient

        return SimulatorClient(lambda: self._program.engine.latest)

    def faults(self) -> tuple[FaultInfo, ...]:
        return self._client.faults()

    def in_force(self) -> tuple[FaultInForce, ...]:
        return self._client.in_force()

    def strike(self, name: str, settings: str) -> None:
        self._client.strike(name, settings)

    def clear_faults(self) -> None:
        self._client.clear_faults()

    def drop_connections(self) -> int:
        return self._client.drop_connections()

    def jump_oracle(self, coin: str, bps: int) -> None:
        self._client.jump_oracle(coin, bps)

    def release(self, coin: str) -> None:
        self._client.release(coin)


class LaterVerification:
    """Implements core.messages.verification.VerificationHandle, loaded when the screen is first opened."""

    def __init__(self, program: Program, config: Config) -> None:
        self._program, self._config = program, config

    @cached_property
    def _handle(self) -> VerificationBeside:
        from core.runtime.verify_beside import VerificationBeside
        from hip3_tui.commands.common import user

        return VerificationBeside(self._program, self._config, user())

    @property
    def word(self) -> str:
        return self._handle.word

    @property
    def market(self) -> str:
        return self._handle.market

    @property
    def is_running(self) -> bool:
        return self._handle.is_running

    @property
    def results(self) -> tuple[CheckResult, ...]:
        return self._handle.results

    @property
    def end(self) -> str:
        return self._handle.end

    def begin(self, word: str) -> str:
        return self._handle.begin(word)


def beside(program: Program, config: Config, source: str, drill: DrillHandle | None = None) -> dict[str, Any]:
    """Fields of `hip3_tui.console.Outside` for the console of a program that trades."""
    from core.config import Network

    has_simulator = config.network is Network.SIMULATOR and drill is None
    return {
        "records": LaterRecords(lambda: program.paths.journal),
        "simulator": LaterSimulator(program) if has_simulator else None,
        "drill": drill,
        "verification": LaterVerification(program, config) if drill is None else None,
        "about": lambda: about(config, source, program.paths.journal, program.paths.log),
        "greeted": None if drill is not None else first_greeting(),
    }


def first_greeting(state_dir: Path | None = None) -> Callable[[], None] | None:
    """What remembers that somebody was greeted; None: they were, or do not want to be."""
    if os.environ.get(GREETING) == "off":
        return None
    from core.runtime.paths import state_folder

    mark = state_folder(state_dir) / "greeted"
    if mark.exists():
        return None

    def remember() -> None:
        try:
            mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mark.touch()
        except OSError:
            return  # they are greeted again next time

    return remember


def about(config: Config, source: str, journal: Path, log: Path) -> tuple[AboutPart, ...]:
    """Versions, files, and every setting in force. A config holds no key, only where it comes from."""
    import platform
    import tomllib
    from importlib.metadata import version

    from core.config_text import config_text
    from core.runtime.config_file import read_text

    key = config.signer.key_source if config.signer is not None else None
    try:
        given = tomllib.loads(read_text(Path(source)))
    except Exception:
        given = {}  # changed or gone since; the values in force are ours to tell all the same
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("textual", "rich", "websockets", "aiohttp", "coincurve")
    )
    return (
        AboutPart(
            "Made of", (("python", f"{platform.python_version()} on {platform.platform()}"), ("libraries", libraries))
        ),
        AboutPart(
            "Files",
            (
                ("journal", str(journal)),
                ("log", str(log)),
                ("key from", "nowhere: no key" if key is None else _where(key)),
            ),
        ),
        AboutPart(
            "Config in force", tuple(("", line) for line in config_text(config, given).splitlines() if line.strip())
        ),
    )


def _where(key: Any) -> str:
    kind = type(key).__name__
    if kind == "EnvVarKey":
        return f"the variable {key.var_name}"
    if kind == "FileKey":
        return f"the file {key.path}"
    return "the simulator's publicly known test key"
