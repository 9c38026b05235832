"""Keccak-256 (the original padding, not SHA3-256), called as directly as pycryptodome's compiled library allows.

A signature takes three of these hashes. Through pycryptodome's Python layer each costs twice what it must, and each of its five steps lets
go of the interpreter, so that a console that is drawing can take it away in the middle of signing an order. `ctypes.PyDLL` on the
same library does neither. The layout it relies on is not promised by pycryptodome: a known hash is checked once, at import, and where
anything is not as expected the promised interface is used instead, with equal results.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from Crypto.Hash import keccak as _pycryptodome

_OF_NOTHING = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
_CAPACITY_BYTES = 64
_ROUNDS = 24
_PADDING = 0x01
_Digest = ctypes.c_char * 32


def by_python_layer(data: bytes) -> bytes:
    """The hash through the interface that pycryptodome promises."""
    return _pycryptodome.new(digest_bits=256, data=data).digest()


def by_library() -> Callable[[bytes], bytes] | None:
    """The hash through the compiled library itself; None where that is not as expected."""
    path = getattr(getattr(_pycryptodome, "_raw_keccak_lib", None), "_name", None)
    if not isinstance(path, str):
        return None
    try:
        library = ctypes.PyDLL(path)
        init, absorb = library.keccak_init, library.keccak_absorb
        squeeze, destroy = library.keccak_digest, library.keccak_destroy
    except (OSError, AttributeError):
        return None
    init.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ubyte)
    absorb.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    squeeze.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ubyte)
    destroy.argtypes = (ctypes.c_void_p,)

    def keccak_256(data: bytes) -> bytes:
        state = ctypes.c_void_p()
        if init(ctypes.byref(state), _CAPACITY_BYTES, _ROUNDS):
            raise MemoryError("keccak: no state")
        out = _Digest()
        failed = absorb(state, data, len(data)) or squeeze(state, out, 32, _PADDING)
        destroy(state)
        assert not failed, f"keccak of {len(data)} bytes failed with {failed}"
        return out.raw

    return keccak_256 if keccak_256(b"") == _OF_NOTHING else None


keccak: Callable[[bytes], bytes] = by_library() or by_python_layer
"""Keccak-256 of some bytes."""
