"""Where a run keeps its files: journal, log, and what a restart must find again.

One folder per network and account under the user's state directory, so that a latch tripped on one account never hides behind another.
Our own simulator starts anew each time, so each of its runs gets a fresh folder; the last ten are kept. Writes nothing but folders.
Easy to get wrong: two consoles started in the same second must not share a run folder, and a folder in use is never the one removed.

SPEC 8, 10.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.config import Config, ConfigError, Network

KEPT_SIMULATOR_RUNS = 10
_APP = "hip3-tui"
_PRIVATE = 0o700
"""Journal and log name accounts, orders and balances: for the owner's eyes."""


@dataclass(frozen=True)
class RunPaths:
    journal: Path
    log: Path


def run_paths(config: Config, account: str, started_ms: int, state_dir: Path | None = None) -> RunPaths:
    """The files of this run; their folder exists when this returns.

    Args:
        config: Its ``journal.path`` beats everything else.
        account: Address that is traded.
        started_ms: Names the folder of a simulator run.
        state_dir: Where state goes; default the user's own state directory.

    Raises:
        ConfigError: The folder cannot be made.
    """
    try:
        if config.journal.path is not None:
            journal = Path(config.journal.path)
            _make(journal.parent)
            return RunPaths(journal, journal.with_suffix(".log"))
        base = state_folder(state_dir)
        if config.runs_own_simulator:
            folder = _fresh_run_folder(simulator_runs(base), started_ms)
        else:
            folder = account_folder(config, account, base)
            _make(folder)
    except OSError as e:
        raise ConfigError(
            f"journal.path: cannot make the folder {e.filename}: {e.strerror}; set journal.path to a file that can be written"
        ) from None
    return RunPaths(folder / "journal.db", folder / "console.log")


def account_folder(config: Config, account: str, state_dir: Path | None = None) -> Path:
    """Where the files of an account on a network are; not made here."""
    return state_folder(state_dir) / config.network.value / account.lower()


def simulator_runs(state_dir: Path | None = None) -> Path:
    """Where the folders of runs on simulators of our own are; not made here."""
    return state_folder(state_dir) / Network.SIMULATOR.value / "runs"


def drill_folder(started_ms: int, state_dir: Path | None = None) -> Path:
    """A fresh folder for a drill; the last ten are kept.

    Raises:
        ConfigError: It cannot be made.
    """
    base = state_folder(state_dir)
    try:
        return _fresh_run_folder(base / "drills", started_ms)
    except OSError as e:
        raise ConfigError(
            f"cannot make the folder {e.filename}: {e.strerror}; set XDG_STATE_HOME to one that can be written"
        ) from None


def state_folder(state_dir: Path | None = None) -> Path:
    """Where state goes: what is given, else the user's own state directory."""
    if state_dir is not None:
        return state_dir
    from platformdirs import user_state_path  # not needed when the config names the journal

    return user_state_path(_APP)


def _make(folder: Path) -> None:
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)


def _fresh_run_folder(runs: Path, started_ms: int) -> Path:
    """A folder nobody else has; removes the oldest ones beyond what is kept."""
    _make(runs)
    attempt = 0
    while True:
        # The process id keeps two consoles of the same millisecond apart; the counter, a clock that was set back.
        folder = runs / f"{started_ms:013d}-{os.getpid()}-{attempt}"
        try:
            folder.mkdir(mode=_PRIVATE)
            break
        except FileExistsError:
            attempt += 1
    older = sorted((f for f in runs.iterdir() if f.is_dir() and f != folder), key=lambda f: f.name)
    for stale in older[: max(0, len(older) + 1 - KEPT_SIMULATOR_RUNS)]:
        if not _is_running(stale):
            with contextlib.suppress(OSError):
                shutil.rmtree(stale)
    return folder


def _is_running(folder: Path) -> bool:
    """Whether the process that made this run folder still lives."""
    try:
        os.kill(int(folder.name.split("-")[1]), 0)
    except (IndexError, ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
