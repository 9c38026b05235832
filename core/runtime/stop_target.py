"""What a program beside the console works on: which exchange, which account, which journal; and the console that runs there, if one does.

Easy to get wrong: a config that runs a simulator of its own names no port; only the running console knows it, and says so in its heartbeat.
Nothing is made here, no folder either: whoever looks must not look like a run.

SPEC 9, 11.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from core.config import LOOPBACK_HOSTS, Config, ConfigError
from core.runtime.heartbeat import Beat, beat_file, read_beat
from core.runtime.paths import account_folder, simulator_runs


class Target(Struct, frozen=True):
    """What to work on."""

    info_url: str
    account: str
    journal: Path
    beat: Beat | None
    """The console's newest; None: none ever ran there."""

    @property
    def console_runs(self) -> bool:
        return self.beat is not None and not self.beat.ended and self.beat.is_alive


def find_target(
    config: Config, account: str, state_dir: Path | None = None, given_journal: Path | None = None
) -> Target:
    """What this config means now.

    Args:
        given_journal: Of one certain console, by whoever started it.

    Raises:
        ConfigError: It runs its own simulator, and none is running.
    """
    if given_journal is not None:
        journal = given_journal
    elif config.journal.path is not None:
        journal = Path(config.journal.path)
    elif config.runs_own_simulator:
        journal = _newest_run(simulator_runs(state_dir))
    else:
        journal = account_folder(config, account, state_dir) / "journal.db"
    beat = read_beat(journal)
    info_url = config.info_url
    if config.runs_own_simulator:
        if beat is None or urlsplit(beat.info_url).hostname not in LOOPBACK_HOSTS:
            raise _no_simulator()
        info_url = beat.info_url
    return Target(info_url=info_url, account=account.lower(), journal=journal, beat=beat)


def _newest_run(runs: Path) -> Path:
    """The journal of the newest run whose console lives; else of the newest that left a heartbeat and did not end in order."""
    found: list[tuple[bool, int, Path]] = []
    for folder in runs.iterdir() if runs.is_dir() else ():
        journal = folder / "journal.db"
        beat = read_beat(journal) if beat_file(journal).exists() else None
        if beat is not None and not beat.ended:
            found.append((beat.is_alive, beat.started_ms, journal))
    if not found:
        raise _no_simulator()
    return max(found)[2]


def _no_simulator() -> ConfigError:
    return ConfigError(
        "ws_url: port 0 is a simulator of the console's own, and no such console is running: there is nothing to stop or to guard"
    )
