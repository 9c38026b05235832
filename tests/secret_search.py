"""A key and everything it might be recognised by, for looking through whatever a session leaves behind."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

SLICE = 16
"""Digits: eight bytes of a key are no accident."""


def needles(secret: str) -> dict[str, bytes]:
    """Name -> bytes to look for: the whole key and every part of 16 digits, as hex in both cases, decimal, raw, base64 and Python's repr."""
    raw = bytes.fromhex(secret)
    decimal = str(int(secret, 16))
    found = {
        "base64": base64.b64encode(raw).rstrip(b"=")[:-1],
        "urlsafe base64": base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1],
        "repr": repr(raw)[2:-1].encode(),
        "list": ", ".join(str(b) for b in raw).encode(),
    }
    for name, text in (("hex", secret.lower()), ("HEX", secret.upper()), ("decimal", decimal)):
        for i in range(len(text) - SLICE + 1):
            found[f"{name}[{i}:{i + SLICE}]"] = text[i : i + SLICE].encode()
    for i in range(32 - 8 + 1):
        found[f"raw[{i}:{i + 8}]"] = raw[i : i + 8]
    return found


def leaks(secret: str, content: bytes) -> list[str]:
    """Names of the parts that are in there."""
    return [name for name, needle in needles(secret).items() if needle in content]


def leaks_in_files(secret: str, paths: Iterable[Path]) -> dict[str, list[str]]:
    """File -> parts found in it; files without any are left out."""
    found = {}
    for path in paths:
        if path.is_file() and (parts := leaks(secret, path.read_bytes())):
            found[str(path)] = parts
    return found
