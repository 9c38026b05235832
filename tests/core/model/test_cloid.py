"""Client order ids: unique, repeatable, recognisable."""

from __future__ import annotations

import pytest

from core.model.cloid import OWNERSHIP_TAG, CloidMaker, is_cloid, is_ours, short


def test_tag_run_and_counter() -> None:
    maker = CloidMaker(run_id=0x2A)
    assert maker.next() == "0x686970330000002a0000000000000001"
    assert maker.next() == "0x686970330000002a0000000000000002"
    assert bytes.fromhex(OWNERSHIP_TAG) == b"hip3"


def test_a_run_repeats_itself_and_runs_do_not_meet() -> None:
    first, again, other = (CloidMaker(run) for run in (7, 7, 8))
    assert [first.next() for _ in range(100)] == [again.next() for _ in range(100)]
    ids = [maker.next() for _ in range(100) for maker in (first, other)]
    assert len(set(ids)) == 200


def test_every_id_is_one_that_the_exchange_takes() -> None:
    for run_id in (0, 1, 2**32 - 1):
        cloid = CloidMaker(run_id).next()
        assert is_cloid(cloid)
        assert is_ours(cloid)
        assert cloid == cloid.lower()


@pytest.mark.parametrize("run_id", [-1, 2**32])
def test_run_id_has_32_bits(run_id: int) -> None:
    with pytest.raises(AssertionError, match="32 bits"):
        CloidMaker(run_id)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("0x" + "0" * 32, True),
        ("0x" + "aF" * 16, True),
        ("test-cloid-001", False),
        ("0x" + "0" * 31, False),
        ("0x" + "0" * 33, False),
        ("0X" + "0" * 32, False),
        ("0x" + "g" * 32, False),
        ("00" + "0" * 32, False),
        ("0x" + "٣" * 32, False),
        ("", False),
    ],
)
def test_what_is_a_cloid(text: str, valid: bool) -> None:
    assert is_cloid(text) is valid


@pytest.mark.parametrize(
    "foreign", [None, "", "0x" + "0" * 32, OWNERSHIP_TAG, "0x" + OWNERSHIP_TAG, "0x0" + OWNERSHIP_TAG + "0" * 23]
)
def test_foreign_ids_are_not_ours(foreign: str | None) -> None:
    assert not is_ours(foreign)


def test_short_tells_orders_of_a_run_apart() -> None:
    maker = CloidMaker(1)
    assert [short(maker.next()), short(maker.next())] == ["000001", "000002"]
