"""Where alerts go: the notification URLs, read from wherever the config says they are.

Turns `[alerts]` into a list of `AlertUrl`, or into one `ConfigError` that names the place. Whether a URL is one that can be sent to is
known only when the library is loaded (alert_sender.py). Easy to get wrong: a URL is a secret, so everything here names the place it was
found in and never quotes it, and an `AlertUrl` shows its masked name in every repr.

SPEC 8 (AlertService); LESSONS L42.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.config import ConfigError
from core.config_alerts import AlertsConfig
from core.config_errors import masked_url

MAX_FILE_BYTES = 100_000
MOST_TARGETS = 16
"""Each has a thread of its own, and one operator has few channels."""


class AlertUrl:
    """A URL and what may be shown of it."""

    __slots__ = ("_text", "name", "number")

    def __init__(self, text: str, number: int) -> None:
        """Keep the URL. ``number``: counted from 1, tells apart what looks alike when masked."""
        self._text = text
        self.number = number
        self.name = f"{masked_url(text)} (target {number})"

    def reveal(self) -> str:
        """The URL itself. For the sender alone."""
        return self._text

    def __repr__(self) -> str:
        return f"AlertUrl({self.name})"


def read_alert_urls(
    config: AlertsConfig, environ: Mapping[str, str], source: str
) -> tuple[tuple[AlertUrl, ...], tuple[str, ...]]:
    """Every URL once, in the order of the config; and what the operator should be told about where they lie.

    Args:
        config: With its own URLs still in it, not masked.
        environ: The variables.
        source: The config's name, for messages.

    Raises:
        ConfigError: A place named in the config is not there, or empty; or there are too many.
    """
    texts: list[str] = []
    warnings: list[str] = []
    for number, url in enumerate(config.urls):
        texts += _checked(url.split(), f"{source}: alerts.urls[{number}]")
    for name in config.urls_env:
        where = f"{source}: alerts.urls_env: variable {name}"
        if not environ.get(name, "").strip():
            raise ConfigError(f"{where} is not set; expected a notification URL, or several with blanks between them")
        texts += _checked(environ[name].split(), where)
    for file in config.urls_files:
        where = f"{source}: alerts.urls_files: {file}"
        content, is_shared = _read(Path(file), where)
        lines = (line.strip() for line in content.splitlines())
        texts += _checked([line for line in lines if line and not line.startswith("#")], where)
        if is_shared:
            warnings.append(f"alerts: {file} can be read by others; chmod 600 keeps its URLs yours")
    unique = tuple(dict.fromkeys(texts))
    if len(unique) > MOST_TARGETS:
        raise ConfigError(f"{source}: alerts: {len(unique)} targets, at most {MOST_TARGETS} are allowed")
    return tuple(AlertUrl(text, number) for number, text in enumerate(unique, 1)), tuple(warnings)


def _checked(texts: Iterable[str], where: str) -> list[str]:
    """Those texts, if each at least looks like a URL; what was found is not quoted."""
    found = list(texts)
    for number, text in enumerate(found, 1):
        if "://" not in text or any(ch.isspace() for ch in text):
            raise ConfigError(f"{where}: entry {number} is no URL; expected scheme://..., as in ntfy://topic")
    if not found:
        raise ConfigError(f"{where}: holds no URL; expected scheme://..., as in ntfy://topic")
    return found


def _read(path: Path, where: str) -> tuple[str, bool]:
    """The text, and whether others than the owner can read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{where}: cannot be read: {getattr(e, 'strerror', None) or type(e).__name__}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{where}: longer than {MAX_FILE_BYTES} bytes, not a list of URLs")
    try:
        return content.decode("utf-8-sig"), bool(mode & (stat.S_IRGRP | stat.S_IROTH))
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: not UTF-8 text") from None
