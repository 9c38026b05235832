"""A whole venue as bytes, and back: markets, dice, books, accounts, orders, fills, faults, what is still to be told.

A restored venue goes on exactly as the saved one would have: the same draws, the same matches, the same frames. Connections are not part of
a venue, so nobody is subscribed afterwards. Easy to get wrong: one order lies on its book, in the account's list and in the history at once,
and must be the same order afterwards; pickle keeps that, and here it is kept from everything else that pickle can do: only classes of the
simulated exchange and of its values are brought back, never a function.

A saved venue belongs to the version that wrote it: when the shape of any record has changed since, it is refused.

Issue 4 part 6.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

from msgspec import Struct

from core.sim.exchange import Exchange

_MAGIC = b"hip3-tui venue 1\n"
_DIGEST_BYTES = 32
_OURS = ("core.sim.", "core.model.")
_OTHERS = {("decimal", "Decimal"), ("collections", "deque"), ("collections", "Counter"), ("collections", "OrderedDict")}


class SavedError(ValueError):
    """These bytes are no venue that can be brought back; the text says why."""


def save(exchange: Exchange) -> bytes:
    """The venue as it is now. It must not be in the middle of an action or a block."""
    body = io.BytesIO()
    _Writer(body, protocol=5).dump((_shape(), exchange))
    payload = body.getvalue()
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def restore(data: bytes) -> Exchange:
    """A venue of its own, as it was when it was saved.

    Raises:
        SavedError: Not a saved venue, damaged, or from another version.
    """
    if not data.startswith(_MAGIC):
        raise SavedError("not a saved venue")
    digest, payload = data[len(_MAGIC) :][:_DIGEST_BYTES], data[len(_MAGIC) + _DIGEST_BYTES :]
    if hashlib.sha256(payload).digest() != digest:
        raise SavedError("damaged: its checksum is wrong")
    try:
        shape, exchange = _OursOnly(io.BytesIO(payload)).load()
    except SavedError:
        raise
    except Exception as e:  # pickle raises whatever the constructors of another version raise
        raise SavedError(f"cannot be read, probably saved by another version ({type(e).__name__})") from None
    if shape != _shape() or not isinstance(exchange, Exchange):
        raise SavedError("saved by another version")
    return exchange


class _Writer(pickle.Pickler):
    """Writes a member of an enum as its class and value, as most Pythons do of themselves; some write it as a call of getattr."""

    def reducer_override(self, obj: Any) -> Any:
        return (type(obj), (obj.value,)) if isinstance(obj, Enum) else NotImplemented


class _OursOnly(pickle.Unpickler):
    """Brings back records of the simulated exchange and nothing that could act."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("msgspec._utils", "rebuild"):
            return _record
        known = (module, name) in _OTHERS or module.startswith(_OURS)
        found = getattr(sys.modules.get(module), name, None) if known else None
        if not isinstance(found, type) or issubclass(found, BaseException):
            raise SavedError(f"holds {module}.{name}, which is no part of a venue")
        return found


def _record(kind: type[Struct], fields: dict[str, Any]) -> Struct:
    """How msgspec writes a record whose fields have names."""
    return kind(**fields)


def _shape() -> str:
    """A digest of what every record of the simulated exchange consists of."""
    records = sorted(
        f"{c.__module__}.{c.__qualname__}({','.join(c.__struct_fields__)})" for c in _below(Struct) if _is_record(c)
    )
    return hashlib.sha256("\n".join(records).encode()).hexdigest()


def _is_record(kind: type[Struct]) -> bool:
    module = kind.__module__
    return module.startswith(_OURS) and not module.startswith("core.sim.world")


def _below(kind: type[Struct]) -> Iterator[type[Struct]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
