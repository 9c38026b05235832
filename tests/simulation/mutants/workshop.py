"""Lives of a mutant: each mutant in a process of its own, forked off one that has everything imported that it cannot change.

Decides what counts as red: a Violation, any other exception, or a life that does not end. Rule that is easy to get wrong: the parent must
never import the engine itself, or all children would run the shipped one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

HERE = Path(__file__).resolve().parent
for _path in (HERE.parent, HERE.parents[1], HERE.parents[2]):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))

from mutants.mutant import ROOT, Mutant, install  # noqa: E402

KINDS = ("+storm", "+tight", "+limits", "+markets", "+silence", "+restart", "+stop")
"""Of trials (trials.py)."""
CPU_SECONDS = 30
"""A life that takes longer does not end."""
_CHANGING = (
    "core.engine",
    "core.sim.world",
    "checkers",
    "check",
    "entrance_checkers",
    "wire_checkers",
    "way_out_checkers",
    "more_checkers",
    "risk_checkers",
    "book_checkers",
    "stop_checkers",
    "session_checkers",
    "ending_checkers",
    "account_checkers",
    "view_checkers",
    "ledger",
    "own_trades",
    "mutants.trials",
    "mutants.hands_of",
    "posts_checkers",
    "ticket_checkers",
    "fitness_checkers",
    "signer_checkers",
    "mutants.hands_of_account",
    "run_checkers",
)
"""What a mutant of the engine changes, and what imports that."""


class Life(Struct, frozen=True):
    """One world: what makes it, and nothing else."""

    seed: int
    weather_ms: int | None = None
    only: str | None = None

    def __str__(self) -> str:
        return f"{self.seed} {self.weather_ms or '-'} {self.only or '-'}"


class Outcome(Struct, frozen=True):
    checker: str
    """Who saw something wrong; empty: nobody did."""
    text: str
    digest: str = ""
    """Of the tape, and of what the stop program did, of a life that nobody found fault with."""


class _DoesNotEnd(BaseException):
    pass


def prepare() -> None:
    """Import what no mutant of the engine changes, once for all children."""

    import core.hyperliquid.info
    import core.hyperliquid.parsing
    import core.hyperliquid.signing
    import core.messages.tape
    import core.sim.exchange
    import core.sim.feed  # noqa: F401

    assert not any(name.startswith("core.engine") for name in sys.modules), "the engine is imported already"


def live(life: Life) -> Outcome:
    """One life in this process, with all checkers."""
    from checkers import all_checkers
    from mutants.hands_of_account import begin
    from mutants.trials import FAIR_MS, plan_of

    import core.sim.world.world as world_module
    from core.sim.world.watcher import Violation

    if life.only is not None and life.only.startswith("+"):
        world_module.FAIR_MS = FAIR_MS

    ledger, checks = all_checkers()
    world = begin(life.only, life.seed)(plan_of(life.seed, life.weather_ms, life.only), (ledger, *checks))

    def give_up(*_: Any) -> None:
        raise _DoesNotEnd

    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        world.live()
    except Violation as e:
        return Outcome(e.checker, e.text)
    except _DoesNotEnd:
        return Outcome("clock", f"a life that took more than {CPU_SECONDS} s")
    except Exception as e:
        last = traceback.extract_tb(e.__traceback__)[-1]
        return Outcome(type(e).__name__, f"{e} ({Path(last.filename).name}:{last.lineno})")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return Outcome("", "", f"{world.digest} {world.stops.done}".strip())


def lives(
    mutants: Sequence[Mutant], several: Iterable[Life], *, stop_at_red: bool = True
) -> list[tuple[Life, Outcome]]:
    """Lives without these guards (none: of the shipped engine), until one is red."""

    def work() -> Any:
        found = []
        for life in several:
            outcome = live(life)
            found.append((life, outcome))
            if outcome.checker and stop_at_red:
                break
        return found

    return apart(mutants, work)  # type: ignore[no-any-return]


def unit_tests(mutants: Sequence[Mutant], *tests: str) -> str:
    """Run tests without these guards. Returns the first that fails, or an empty text."""

    def work() -> Any:
        import pytest

        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = (
            "1"  # half of the time of a small test is plugins it does not need
        )
        failed: list[str] = []

        class Collector:
            @pytest.hookimpl
            def pytest_runtest_logreport(self, report: Any) -> None:
                if report.failed and not failed:
                    failed.append(report.nodeid)

        os.chdir(ROOT)
        code = pytest.main(
            ["-q", "-x", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", *tests],
            plugins=[Collector()],
        )
        if code not in (0, 1):
            raise RuntimeError(f"pytest answered {int(code)} for {' '.join(tests)}")
        return failed[0] if failed else ""

    result = apart(mutants, work, quiet=True)
    assert isinstance(result, str)
    return result


def apart(mutants: Sequence[Mutant], work: Callable[[], Any], *, quiet: bool = False) -> Any:
    """Do it in a child that imports the engine without these guards."""
    read, write = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(read)
            if quiet:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 1)
                os.dup2(null, 2)
            _become(mutants)
            result = work()
            with os.fdopen(write, "w") as pipe:
                json.dump(_plain(result), pipe)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not text:
        who = " and ".join(m.name for m in mutants) or "the shipped engine"
        raise RuntimeError(f"{who}: the child ended with status {status}")
    return _from_plain(json.loads(text))


def _become(mutants: Sequence[Mutant]) -> None:
    changing = _CHANGING if all(m.module.startswith(_CHANGING) for m in mutants) else ("core", *_CHANGING)
    for name in [n for n in sys.modules if n.startswith(changing)]:
        del sys.modules[name]
    install(mutants)


def _plain(result: Any) -> Any:
    if isinstance(result, str):
        return result
    return [[[x.seed, x.weather_ms, x.only], [o.checker, o.text, o.digest]] for x, o in result]


def _from_plain(raw: Any) -> Any:
    if isinstance(raw, str):
        return raw
    return [(Life(*x), Outcome(*o)) for x, o in raw]
