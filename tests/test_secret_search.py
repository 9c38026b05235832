"""The search finds what it is for, in every spelling: a search that finds nothing proves nothing otherwise."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from secret_search import leaks, leaks_in_files, needles

SECRET = hashlib.sha256(b"a key that is searched for").hexdigest()
RAW = bytes.fromhex(SECRET)


@pytest.mark.parametrize(
    "content",
    [
        SECRET.encode(),
        SECRET.upper().encode(),
        f"0x{SECRET[20:36]}".encode(),
        str(int(SECRET, 16)).encode(),
        str(int(SECRET, 16))[-16:].encode(),
        RAW,
        b"x" + RAW[24:],
        base64.b64encode(RAW),
        repr(RAW).encode(),
        str(list(RAW)).encode(),
    ],
)
def test_it_is_found_in(content: bytes) -> None:
    assert leaks(SECRET, b"before " + content + b" after")


def test_it_is_not_found_where_it_is_not(tmp_path: Path) -> None:
    assert leaks(SECRET, SECRET[:15].encode() + b" " + RAW[:7]) == []
    clean, dirty = tmp_path / "clean", tmp_path / "dirty"
    clean.write_bytes(b"nothing")
    dirty.write_bytes(RAW)
    assert list(leaks_in_files(SECRET, tmp_path.iterdir())) == [str(dirty)]


def test_every_part_of_16_digits_is_looked_for() -> None:
    names = needles(SECRET)
    assert sum(1 for name in names if name.startswith("hex[")) == 64 - 16 + 1
    assert sum(1 for name in names if name.startswith("raw[")) == 32 - 8 + 1
    assert len(set(names.values())) > 150
