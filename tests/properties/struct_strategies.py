"""Hypothesis strategies made from type annotations: give it a msgspec Struct, get values of it with every limit that `Meta` sets kept.

Nothing is listed by hand, so a new event, effect or setting is drawn from the day it is written. A type that is not understood is an
error here, not a value left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Meta, Struct

from core.model.market import MarketKey
from core.model.order import PendingCancel

I64 = st.integers(-(2**63), 2**63 - 1)
decimals = st.decimals(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: I64,
    str: text,
    bool: st.booleans(),
    Decimal: decimals,
    NoneType: st.none(),
}


@cache
def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that the annotation allows."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _limited(hint.__origin__, hint.__metadata__[0])
    if origin in (Union, UnionType):
        return st.one_of([values_of(arg) for arg in args])
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        if args[-1] is Ellipsis:
            return st.lists(values_of(args[0]), max_size=3).map(tuple)
        return st.tuples(*[values_of(arg) for arg in args])
    if origin is frozenset:
        return st.frozensets(values_of(args[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(values_of(args[0]), values_of(args[1]), max_size=3)
    if isinstance(hint, NewType):
        return values_of(hint.__supertype__)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _STRUCTS.get(hint, structs_of)(hint)
    raise TypeError(f"no strategy for {hint!r}")


def structs_of(struct: type[Struct], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Instances of a Struct; ``fixed`` are fields with a strategy of their own."""
    hints = get_type_hints(struct, include_extras=True)
    drawn = {name: fixed[name] if name in fixed else values_of(hints[name]) for name in struct.__struct_fields__}
    return st.builds(struct, **drawn)


def _limited(plain: Any, meta: Meta) -> st.SearchStrategy[Any]:
    if plain is int:
        low = meta.ge if meta.ge is not None else -(2**63)
        high = meta.le if meta.le is not None else 2**63 - 1
        return st.integers(int(low), int(high))
    if plain is str and meta.pattern is not None:
        return st.from_regex(re.compile(meta.pattern.replace("$", r"\Z"), re.ASCII))
    if plain is str:
        longest = min(meta.max_length or 12, 12)
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=meta.min_length or 0, max_size=longest)
    if get_origin(plain) is tuple:
        return st.lists(values_of(get_args(plain)[0]), min_size=meta.min_length or 0, max_size=3).map(tuple)
    raise TypeError(f"no strategy for {plain!r} with {meta!r}")


def _cancels(struct: Any) -> st.SearchStrategy[PendingCancel]:
    """A cancel names an oid or a cloid, never both."""
    return structs_of(struct, cloid=st.none(), oid=I64) | structs_of(struct, oid=st.none(), cloid=text)


_STRUCTS: dict[Any, Callable[[Any], st.SearchStrategy[Any]]] = {PendingCancel: _cancels}

markets = st.sampled_from([MarketKey.parse(n) for n in ("BTC", "ETH", "xyz:SNDK", "xyz:NVDA", "flx:TSLA", "kPEPE")])
