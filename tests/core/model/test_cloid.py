"""Client order ids: unique, repeatable, recognisable."""

from __future__ import annotations

import pytest

from core.model.cloid import (
    DICE_BITS,
    OWNERSHIP_TAG,
    CloidMaker,
    cloid_by_hand,
    draw_space,
    is_by_hand,
    is_cloid,
    is_ours,
    short,
    space_of_run,
)


def test_tag_space_and_counter() -> None:
    maker = CloidMaker(0x65F0_1122_0000_002A)
    assert maker.next() == "0x6869703365f011220000002a00000001"
    assert maker.next() == "0x6869703365f011220000002a00000002"


def test_a_run_that_must_repeat_itself_has_its_number_for_a_space() -> None:
    maker = CloidMaker(space_of_run(0x2A))
    assert maker.next() == "0x686970330000002a0000000000000001"
    assert maker.next() == "0x686970330000002a0000000000000002"
    assert bytes.fromhex(OWNERSHIP_TAG) == b"hip3"


def test_a_run_repeats_itself_and_runs_do_not_meet() -> None:
    first, again, other = (CloidMaker(space_of_run(run)) for run in (7, 7, 8))
    assert [first.next() for _ in range(100)] == [again.next() for _ in range(100)]
    ids = [maker.next() for _ in range(100) for maker in (first, other)]
    assert len(set(ids)) == 200


def test_every_id_is_one_that_the_exchange_takes() -> None:
    for space in (0, 1, 2**32 - 1, space_of_run(1), draw_space(1_795_000_000_000, 0x7FFF_FFFF), 2**64 - 1):
        cloid = CloidMaker(space).next()
        assert is_cloid(cloid)
        assert is_ours(cloid)
        assert cloid == cloid.lower()


@pytest.mark.parametrize("run_id", [-1, 2**32])
def test_run_id_has_32_bits(run_id: int) -> None:
    with pytest.raises(AssertionError, match="32 bits"):
        space_of_run(run_id)


@pytest.mark.parametrize("space", [-1, 2**64])
def test_space_has_64_bits(space: int) -> None:
    with pytest.raises(AssertionError, match="64 bits"):
        CloidMaker(space)


def test_a_space_is_the_second_of_the_start_and_the_dice() -> None:
    assert draw_space(0x65F0_1122 * 1000 + 999, 0x1234_5678) == 0x65F0_1122_1234_5678
    assert draw_space(0x1_65F0_1122 * 1000, 0) == 0x65F0_1122_0000_0000, "after 2106 it begins again"
    for dice in (-1, 1 << DICE_BITS):
        with pytest.raises(AssertionError, match="random bits"):
            draw_space(0, dice)


@pytest.mark.parametrize(
    "space", [0, space_of_run(1), draw_space(1_795_000_000_000, 0x7FFF_FFFF), 0xFFFF_FFFF_7FFF_FFFF]
)
def test_no_id_by_hand_is_one_that_the_engine_makes(space: int) -> None:
    first, last = cloid_by_hand(space, 1), cloid_by_hand(space, 0xF_FFFF)
    assert len({first, last, CloidMaker(space).next()}) == 3
    for cloid in (first, last):
        assert is_cloid(cloid)
        assert is_ours(cloid)
        assert is_by_hand(cloid, space)
        assert int(cloid[:26], 16) != int(CloidMaker(space).next()[:26], 16), "apart by a bit that no counter reaches"
    assert not is_by_hand(CloidMaker(space).next(), space)
    assert not is_by_hand(first, space ^ 1)
    assert not is_by_hand(first, space ^ 1 << 32)


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
