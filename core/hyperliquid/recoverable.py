"""One recoverable ECDSA signature, called as directly as coincurve's compiled library allows.

Through coincurve's Python layer the two C calls of a signature each let go of the interpreter, and a console that is drawing takes it: the order then
waits for a millisecond or more, in the middle of being signed. `ctypes.PyDLL` on the same library keeps it for the 30 microseconds
that a signature takes. The names it relies on are not promised by coincurve: one known signature is checked once, at import, and where anything
is not as expected the promised interface is used instead, with equal results.

SPEC 5.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import coincurve
from coincurve import _libsecp256k1
from coincurve.context import GLOBAL_CONTEXT

Sign = Callable[[coincurve.PrivateKey, bytes], bytes]
"""Key and digest of 32 bytes -> r, s (32 bytes each) and which of the two points it was."""

_KNOWN_DIGEST = bytes(31) + b"\x02"
_KNOWN = bytes.fromhex(
    "56166f3a4b7d34af3bcc6c8a92a8f3c40309db9f22d7c83f8c5b87b374fd8047"
    "348ebb966e4e4c5ab15c43277b857c2844e45958f79b1e511163ca560b2ab24601"
)
"""The signature of that digest by the key of the number one: deterministic (RFC 6979)."""
_Opaque = ctypes.c_char * 65
_Compact = ctypes.c_char * 64


class OfOne(coincurve.PrivateKey):
    """The key of the number one, worth nothing anywhere, without the public half that costs more than a signature."""

    def __init__(self) -> None:
        self.secret = bytes(31) + b"\x01"
        self.context = GLOBAL_CONTEXT


def by_python_layer(key: coincurve.PrivateKey, digest: bytes) -> bytes:
    """The signature through the interface that coincurve promises."""
    return key.sign_recoverable(digest, hasher=None)


def by_library() -> Sign | None:
    """The signature through the compiled library itself; None where that is not as expected."""
    try:
        library = ctypes.PyDLL(_libsecp256k1.__file__)
        sign = library.secp256k1_ecdsa_sign_recoverable
        serialize = library.secp256k1_ecdsa_recoverable_signature_serialize_compact
        context = ctypes.c_void_p(int(_libsecp256k1.ffi.cast("uintptr_t", GLOBAL_CONTEXT.ctx)))
    except (OSError, AttributeError, TypeError, ValueError):
        return None
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    sign.argtypes = (pointer, pointer, text, text, pointer, pointer)
    serialize.argtypes = (pointer, pointer, pointer, pointer)

    def sign_recoverable(key: coincurve.PrivateKey, digest: bytes) -> bytes:
        # What is shorter would be read beyond its end: C asks for no lengths.
        if len(digest) != 32 or len(key.secret) != 32:
            raise ValueError("a digest and a secret have 32 bytes each")
        opaque, compact, which = _Opaque(), _Compact(), ctypes.c_int()
        if not sign(context, opaque, digest, key.secret, None, None):
            raise ValueError("the key cannot sign")
        serialize(context, compact, ctypes.byref(which), opaque)
        return compact.raw + bytes((which.value,))

    return sign_recoverable if sign_recoverable(OfOne(), _KNOWN_DIGEST) == _KNOWN else None


sign_recoverable: Sign = by_library() or by_python_layer
"""Sign 32 bytes as they are, low s."""
