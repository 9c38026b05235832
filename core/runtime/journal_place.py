"""Which journal is meant: the one that is named, or the one that a run with this config writes. Makes nothing, reads no key.

Easy to get wrong: each run on our own simulator has a journal of its own, so the newest is meant; and an account that the config does not name
is only known to the key, which is not asked for here: then there must be one account alone on that network.

SPEC 9, 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.config import Config, ConfigError
from core.runtime.config_file import config_path, load_config
from core.runtime.paths import account_folder, simulator_runs, state_folder

JOURNAL = "journal.db"
_INSTEAD = "name one with --journal FILE"


def journal_place(
    journal: str | None, config_name: str | None, environ: Mapping[str, str], state_dir: Path | None = None
) -> Path:
    """The file, which is there.

    Args:
        journal: Named on the command line; beats everything.
        config_name: The config's file, else HIP3_CONFIG's.

    Raises:
        ConfigError: There is none; the text says what would do.
    """
    if journal is not None:
        return _existing(Path(journal), "")
    config = load_config(config_path(config_name, environ))
    if config.journal.path is not None:
        return _existing(Path(config.journal.path), "journal.path: ")
    if config.runs_own_simulator:
        return _newest_run(simulator_runs(state_dir))
    return _of_account(config, state_dir)


def _existing(path: Path, where: str) -> Path:
    if not path.is_file():
        raise ConfigError(f"{where}there is no journal {path}; {_INSTEAD}")
    return path


def _newest_run(runs: Path) -> Path:
    found = sorted((p for p in runs.glob(f"*/{JOURNAL}")), key=lambda p: p.parent.name)
    if not found:
        raise ConfigError(f"no run on the simulator has left a journal in {runs}; {_INSTEAD}")
    return found[-1]


def _of_account(config: Config, state_dir: Path | None) -> Path:
    address = config.account.address if config.account is not None else None
    if address is None and config.signer is not None:
        address = config.signer.address
    if address is not None:
        return _existing(account_folder(config, address, state_dir) / JOURNAL, f"account {address}: ")
    network = state_folder(state_dir) / config.network.value
    found = sorted(network.glob(f"0x*/{JOURNAL}"))
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} accounts have a journal" if found else "no account has a journal"
    raise ConfigError(f"account.address is not set, and {what} in {network}; {_INSTEAD}")
