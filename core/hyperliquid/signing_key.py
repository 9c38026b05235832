"""One secp256k1 key that signs 32-byte digests and never shows its secret.

Decides how a secret is read, how a signature is written and which address belongs to a key. Never says what is signed (signing.py
does) and never opens a file (core.runtime.keys does).
Easy to get wrong: a message that quotes what it refused shows the secret, and so does a crash report that prints the locals of frames
which held it as text. So no message here quotes, and who reads a secret from outside does it once, guarded (core.runtime.keys).

SPEC 5; PROTOCOL 4.1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NoReturn, TypedDict

import coincurve
from coincurve.context import GLOBAL_CONTEXT

from core.hyperliquid.keccak import keccak
from core.hyperliquid.recoverable import sign_recoverable

GROUP_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""A secret is a number above zero and below this: the order of secp256k1."""

UNRECOVERABLE = "Unable to recover signer."
"""The exchange's own words for r, s, v that belong to no key."""

_V_BASE = 27
_HEX_SECRET = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")


class Signature(TypedDict):
    """As the wire has it: r and s as 0x + 64 hex digits, v 27 or 28."""

    r: str
    s: str
    v: int


class _SecretOnly(coincurve.PrivateKey):
    """A coincurve key without its two public halves: signing needs neither, and deriving them costs more than a signature."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.context = GLOBAL_CONTEXT


class SigningKey:
    """Holds the secret of one key. Has no way to give it back: no repr, no equality, no pickle, no copy."""

    __slots__ = ("_address", "_private")

    def __init__(self, secret: bytes) -> None:
        """Take a secret of exactly 32 bytes.

        Raises:
            ValueError: Wrong length, zero, or not below the order of the curve. The message does not say what was found.
        """
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < GROUP_ORDER:
            raise ValueError("secret key: expected 32 bytes, as a number above zero and below the order of secp256k1")
        self._private: coincurve.PrivateKey = _SecretOnly(bytes(secret))
        self._address = ""

    @classmethod
    def from_hex(cls, text: str) -> SigningKey:
        """Read 64 hex digits, with or without 0x; blanks around them do not count.

        Raises:
            ValueError: Anything else. The message does not say what was found.
        """
        match = _HEX_SECRET.fullmatch(text.strip())
        if match is None:
            raise ValueError("secret key: expected 64 hex digits, with or without 0x")
        return cls(bytes.fromhex(match[1]))

    @property
    def address(self) -> str:
        """The address of the key, 0x + 40 lower-case digits."""
        if not self._address:
            public = coincurve.PublicKey.from_valid_secret(self._private.secret)
            self._address = _address_of(public)
        return self._address

    def sign_digest(self, digest: bytes) -> Signature:
        """Sign 32 bytes as they are: deterministic (RFC 6979), low s."""
        raw = sign_recoverable(self._private, digest)
        text = raw.hex()
        return {"r": "0x" + text[:64], "s": "0x" + text[64:128], "v": _V_BASE + raw[64]}

    def __repr__(self) -> str:
        # A refused key is shown too, by crash reports that print the frames it was refused in.
        return f"SigningKey({self.address if hasattr(self, '_private') else 'refused'})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a signing key is neither pickled nor copied")


def as_signing_key(key: Any) -> SigningKey:
    """A `SigningKey` from whatever holds a secret.

    Args:
        key: A `SigningKey`; 32 bytes; hex text; a coincurve key (it has ``secret``); an eth-account wallet (it has ``key``).
            Hot paths pass a `SigningKey`; the others are read anew on each call, which is cheap but keeps a copy of the secret
            in one more frame.

    Raises:
        TypeError: Nothing of the above; names the type, not the value.
        ValueError: The secret is not one.
    """
    if isinstance(key, SigningKey):
        return key
    if isinstance(key, str):
        return SigningKey.from_hex(key)
    for attribute in ("secret", "key"):
        held = getattr(key, attribute, None)
        if isinstance(held, bytes):
            return SigningKey(held)
    if isinstance(key, (bytes, bytearray)):
        return SigningKey(bytes(key))
    raise TypeError(f"{type(key).__name__} is not a signing key, a wallet, 32 bytes or hex text")


def recover_address(digest: bytes, r: Any, s: Any, v: Any) -> str:
    """Whose signature over ``digest`` this is, as a lower-case address.

    Args:
        digest: The 32 bytes that were signed.
        r: 0x + at most 64 hex digits; leading zeros may be missing, as the official SDK leaves them out.
        s: As ``r``.
        v: 27 or 28.

    Raises:
        ValueError: `UNRECOVERABLE`: not a signature, or of no key.
    """
    if not isinstance(v, int) or v not in (_V_BASE, _V_BASE + 1):
        raise ValueError(UNRECOVERABLE)
    serialized = _scalar(r) + _scalar(s) + bytes((v - _V_BASE,))
    try:
        public = coincurve.PublicKey.from_signature_and_message(serialized, digest, hasher=None)
    except ValueError:
        raise ValueError(UNRECOVERABLE) from None
    return _address_of(public)


_SCALAR = re.compile(r"0x[0-9a-fA-F]{1,64}")


def _scalar(text: Any) -> bytes:
    if not isinstance(text, str) or _SCALAR.fullmatch(text) is None:
        raise ValueError(UNRECOVERABLE)
    return int(text, 16).to_bytes(32, "big")


def _address_of(public: coincurve.PublicKey) -> str:
    return _address_of_point(public.format(compressed=False))


@lru_cache(maxsize=1_024)
def _address_of_point(point: bytes) -> str:
    """The same few sign again and again, and a hash costs as much as all the rest of telling who."""
    return "0x" + keccak(point[1:])[12:].hex()


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address.

    Raises:
        ValueError: Not 40 hex digits, with or without 0x.
    """
    digits = address[2:] if address[:2] == "0x" else address
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(raw) != 20 or len(digits) != 40:
        raise ValueError(f"address {address!r}: expected 0x and 40 hex digits")
    return raw


def checksum_address(address: str) -> str:
    """The address with the capitals of EIP-55, for showing to people: a mistyped one does not keep them."""
    digits = address_bytes(address).hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(digits, marks, strict=False))
