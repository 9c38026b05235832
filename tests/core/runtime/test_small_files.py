"""Small files: whole or not at all, and read without trust."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from core.runtime.small_files import MAX_BYTES, beside, read_file, replace_file


class Note(Struct, frozen=True):
    text: str
    number: int = 0


@pytest.mark.parametrize("durable", [False, True])
def test_what_is_written_is_read(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "note"
    assert read_file(path, Note) is None
    for number in range(3):
        replace_file(path, Note("a", number), durable=durable)
        assert read_file(path, Note) == Note("a", number)
    assert [f.name for f in tmp_path.iterdir()] == ["note"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(path, Note("new"), durable=False)
    assert [f.name for f in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"text":5}', b"\xff", b" " * (MAX_BYTES + 1)])
def test_what_cannot_be_read_is_not_taken_for_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "note"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_file(path, Note)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_file(tmp_path, Note)


def test_each_journal_has_its_own() -> None:
    assert beside(Path("/a/journal.db"), "stop") == Path("/a/journal.db.stop")
