"""Small files beside the journal that other processes read: written whole or not at all, read without trust.

Easy to get wrong: a reader may come between any two system calls of the writer, so a file is only ever replaced, never changed; and a disk
that is full or read-only must cost the writer nothing but an error.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

MAX_BYTES = 64_000


def beside(journal: Path, ending: str) -> Path:
    """The file of that ending that belongs to a journal: several journals may share a folder."""
    return journal.with_name(f"{journal.name}.{ending}")


def replace_file(path: Path, value: object, *, durable: bool) -> None:
    """Write it as JSON in one step.

    Args:
        durable: On the disk itself when this returns, so that it survives the machine; costs a wait for the disk.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.write(fd, msgspec.json.encode(value) + b"\n")
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_file(path: Path, kind: type[T]) -> T | None:
    """What it holds; None if there is none.

    Raises:
        ValueError: Something is there that cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise ValueError(f"{path}: cannot be read: {e.strerror or e}") from None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as e:
        raise ValueError(f"{path}: is damaged ({e})") from None
