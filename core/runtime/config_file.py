"""The config file: which one, read how, and what its relative paths mean.

Turns a path into a `Config` or into one `ConfigError` that names the file. Decides nothing about the settings themselves (core.config
does). Easy to get wrong: a path inside the file is relative to the file, not to where the program was started.

SPEC 9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from core.config import Config, ConfigError, FileKey, parse_config

CONFIG_VARIABLE = "HIP3_CONFIG"
_MAX_BYTES = 1_000_000
"""Far above any config; a device that never ends must not be read to its end."""


def config_path(given: str | None, environ: Mapping[str, str]) -> Path:
    """The file to read: ``--config`` beats ``HIP3_CONFIG``.

    Raises:
        ConfigError: Neither is given.
    """
    name = given or environ.get(CONFIG_VARIABLE)
    if not name:
        raise ConfigError(
            f"no config named: use --config FILE or set {CONFIG_VARIABLE}"
            " (config/sim.toml runs on our own simulated exchange)"
        )
    return Path(name)


def load_config(path: Path) -> Config:
    """Read and check a config file.

    Raises:
        ConfigError: The file cannot be read, or what it says cannot be used.
    """
    config = parse_config(read_text(path), str(path))
    if config.sim.faults:
        from core.runtime.sim_settings import check_faults  # few files have any

        check_faults(config.sim.faults, str(path))
    folder = path.absolute().parent
    if config.signer is not None and isinstance(config.signer.key_source, FileKey):
        key_file = FileKey(path=_resolve(folder, config.signer.key_source.path))
        config = msgspec.structs.replace(config, signer=msgspec.structs.replace(config.signer, key_source=key_file))
    if isinstance(config.guard.key_source, FileKey):
        key_file = FileKey(path=_resolve(folder, config.guard.key_source.path))
        config = msgspec.structs.replace(config, guard=msgspec.structs.replace(config.guard, key_source=key_file))
    if config.journal.path is not None:
        journal = msgspec.structs.replace(config.journal, path=_resolve(folder, config.journal.path))
        config = msgspec.structs.replace(config, journal=journal)
    if config.alerts.urls_files:
        files = tuple(_resolve(folder, name) for name in config.alerts.urls_files)
        config = msgspec.structs.replace(config, alerts=msgspec.structs.replace(config.alerts, urls_files=files))
    return config


def _resolve(folder: Path, name: str) -> str:
    """``~`` is the user's home; anything else that is relative starts at the config's folder."""
    return os.path.join(folder, os.path.expanduser(name))


def read_text(path: Path, what: str = "config file") -> str:
    """The text of a file.

    Raises:
        ConfigError: It cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such {what}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a directory, expected a {what}") from None
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path}: cannot be read: {getattr(e, 'strerror', None) or e}") from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: longer than {_MAX_BYTES} bytes, not a {what}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 text (byte {content[e.start]:#04x} at offset {e.start})") from None
