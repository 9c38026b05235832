"""Keccak-256: known hashes, and the direct way against the promised one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hyperliquid import keccak as module
from core.hyperliquid.keccak import by_library, by_python_layer, keccak


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"a", "3ac225168df54212a25c1c01fd35bebfea408fdac2e31ddd6f80a4bbf9a5f1cb"),
        (b"b", "b5553de315e0edf504d9150af82dafa5c4667fa618ed0a6f19c69b41166c5510"),
        (
            b"Agent(string source,bytes32 connectionId)",
            "26f05c2f7239b6983075e58321292d77b3aa173d19b27257ac96ab362570f508",
        ),
    ],
)
def test_known_hashes(data: bytes, digest: str) -> None:
    assert keccak(data).hex() == digest == by_python_layer(data).hex()


@given(data=st.binary(max_size=600))
def test_both_ways_agree(data: bytes) -> None:
    assert keccak(data) == by_python_layer(data)


@pytest.mark.parametrize("size", [0, 1, 135, 136, 137, 271, 272, 273, 10_000])
def test_both_ways_agree_around_the_block_borders(size: int) -> None:
    data = bytes(range(256)) * 40
    assert keccak(data[:size]) == by_python_layer(data[:size])


def test_the_direct_way_is_the_one_in_use_here() -> None:
    assert by_library() is not None
    assert keccak is not by_python_layer


def test_many_threads_do_not_disturb_each_other() -> None:
    inputs = [bytes([i]) * (i + 1) for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(keccak, inputs * 10)) == [by_python_layer(data) for data in inputs] * 10


@pytest.mark.parametrize(
    "library",
    [
        SimpleNamespace(),
        SimpleNamespace(_raw_keccak_lib=object()),
        SimpleNamespace(_raw_keccak_lib=SimpleNamespace(_name="nowhere.so")),
        SimpleNamespace(_raw_keccak_lib=SimpleNamespace(_name=None)),
    ],
    ids=["renamed", "another binding", "another file", "no file"],
)
def test_the_promised_way_where_the_library_is_not_as_expected(
    library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_pycryptodome", library)
    assert by_library() is None
