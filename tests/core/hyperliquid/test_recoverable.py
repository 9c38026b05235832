"""Signatures: the direct way against the promised one, byte for byte."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hyperliquid import recoverable as module
from core.hyperliquid.recoverable import OfOne, by_library, by_python_layer, sign_recoverable
from core.hyperliquid.signing_key import GROUP_ORDER

secrets = st.integers(1, GROUP_ORDER - 1).map(lambda n: n.to_bytes(32, "big"))


@given(secret=secrets, digest=st.binary(min_size=32, max_size=32))
def test_both_ways_agree(secret: bytes, digest: bytes) -> None:
    key = coincurve.PrivateKey(secret)
    raw = sign_recoverable(key, digest)
    assert raw == by_python_layer(key, digest)
    assert coincurve.PublicKey.from_signature_and_message(raw, digest, hasher=None) == key.public_key


@pytest.mark.parametrize("number", [1, 2, GROUP_ORDER // 2, GROUP_ORDER - 1])
@pytest.mark.parametrize("digest", [bytes(32), b"\xff" * 32, b"\x00" * 31 + b"\x01"])
def test_both_ways_agree_at_the_ends(number: int, digest: bytes) -> None:
    key = coincurve.PrivateKey(number.to_bytes(32, "big"))
    assert sign_recoverable(key, digest) == by_python_layer(key, digest)


def test_the_direct_way_is_the_one_in_use_here() -> None:
    assert by_library() is not None
    assert sign_recoverable is not by_python_layer


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_a_digest_of_another_length_is_never_handed_to_c(digest: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign_recoverable(OfOne(), digest)


def test_a_key_that_is_none_does_not_sign() -> None:
    key = OfOne()
    key.secret = bytes(32)
    with pytest.raises(ValueError, match="cannot sign"):
        sign_recoverable(key, bytes(32))
    key.secret = b"\x01"
    with pytest.raises(ValueError, match="32 bytes"):
        sign_recoverable(key, bytes(32))


def test_many_threads_do_not_disturb_each_other() -> None:
    key = OfOne()
    digests = [bytes([i]) * 32 for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert (
            list(pool.map(lambda d: sign_recoverable(key, d), digests * 5))
            == [by_python_layer(key, d) for d in digests] * 5
        )


def _without(name: str) -> SimpleNamespace:
    real = module._libsecp256k1
    parts = {"__file__": real.__file__, "ffi": real.ffi}
    del parts[name]
    return SimpleNamespace(**parts)


@pytest.mark.parametrize(
    "library",
    [
        _without("__file__"),
        _without("ffi"),
        SimpleNamespace(__file__="nowhere.so", ffi=module._libsecp256k1.ffi),
        SimpleNamespace(__file__=coincurve._libsecp256k1.__file__, ffi=SimpleNamespace(cast=lambda *_: "no number")),
    ],
    ids=["no file", "another binding", "another file", "another context"],
)
def test_the_promised_way_where_the_library_is_not_as_expected(
    library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_libsecp256k1", library)
    assert by_library() is None


def test_the_promised_way_where_the_library_signs_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KNOWN", bytes(65))
    assert by_library() is None
