"""How a setting's type and value are put into words."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from core.config_errors import describe, explain, shown, toml_tables


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "an integer"),
        (Annotated[int, Meta(ge=1)], "an integer of at least 1"),
        (Annotated[int, Meta(ge=1, le=9)], "an integer from 1 to 9"),
        (Annotated[int, Meta(ge=1, le=9)] | None, "an integer from 1 to 9"),
        (Decimal, "a number"),
        (bool, "true or false"),
        (str, "text in quotes"),
        (str | None, "text in quotes"),
        (Literal["a", "b"], "one of 'a', 'b'"),
        (tuple[str, ...], "a list: each text in quotes"),
        (Annotated[tuple[int, ...], Meta(min_length=2)], "a list of at least 2: each an integer"),
    ],
)
def test_types_in_words(hint: Any, text: str) -> None:
    assert describe(hint) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (5, "5"),
        (Decimal("0.10"), "0.10"),
        ("auto", "'auto'"),
        ([1], "a list"),
        ({}, "a table"),
        ("0x" + "a" * 40, repr("0x" + "a" * 40)),
        ("a" * 64, "text of 64 characters, not shown"),
        ("key=0x" + "a" * 63, "text of 69 characters, not shown"),
    ],
)
def test_values_as_the_file_spells_them_but_no_secret(value: Any, text: str) -> None:
    assert shown(value) == text


class _Inner(Struct, forbid_unknown_fields=True):
    depth: Annotated[int, Meta(ge=1)]


class _Outer(Struct, forbid_unknown_fields=True):
    inner: tuple[_Inner, ...] = ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"inner": [{"depth": 1}, {"depth": 0}]}, "f: inner[1].depth: expected an integer of at least 1 (found 0)"),
        ({"inner": [{}]}, "f: inner[0].depth: missing; expected an integer of at least 1"),
        (
            {"inner": [{"depht": 2}]},
            "f: inner[0].depht: unknown key (found 2); did you mean 'depth'? allowed here: depth",
        ),
        ({"outer": 1}, "f: outer: unknown key (found 1); allowed here: inner"),
        ({"inner": 1}, "f: inner: expected a list: each a table (found 1)"),
    ],
)
def test_the_place_is_found_again(data: dict[str, Any], text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, _Outer)
    assert explain("f", data, str(caught.value), _Outer) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = " + "[" * 5_000, "nested too deep"),
        ("x = " + "{a=" * 5_000, "nested too deep"),
        ("x = " + "9" * 5_000, "digits"),
        ("x = [", "Invalid value"),
    ],
)
def test_a_text_that_no_file_of_ours_ever_was_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        toml_tables(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
