from decimal import Decimal as D

import pytest

from hip3_tui import format as f


@pytest.mark.parametrize(
    ("px", "text"),
    [
        ("65123.5", "65,123.5"),
        ("0.0123456", "0.0123456"),
        ("1234.3333333333", "1,234.333"),
        ("88123", "88,123"),
        ("100000000", "100,000,000"),
        ("1E+3", "1,000"),
        ("0", "0"),
    ],
)
def test_price(px: str, text: str) -> None:
    assert f.price(D(px)) == text


def test_what_is_not_known_is_a_dash_not_a_zero() -> None:
    shown = [
        show(None) for show in (f.price, f.size, f.usd, f.signed_usd, f.bps, f.signed_bps, f.count, f.age, f.latency)
    ]
    assert shown == ["-"] * 9


@pytest.mark.parametrize(("amount", "text"), [("0.0120", "0.012"), ("3", "3"), ("1E-7", "0.0000001"), ("100", "100")])
def test_size(amount: str, text: str) -> None:
    assert f.size(D(amount)) == text


@pytest.mark.parametrize(
    ("amount", "plain", "signed"),
    [
        ("1.234", "$1.23", "+$1.23"),
        ("-1.3", "-$1.30", "-$1.30"),
        ("-0.001", "$0.00", "$0.00"),
        ("12345.6", "$12,345.60", "+$12,345.60"),
    ],
)
def test_money_carries_its_sign(amount: str, plain: str, signed: str) -> None:
    assert f.usd(D(amount)) == plain
    assert f.signed_usd(D(amount)) == signed


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.0s"),
        (-50, "0.0s"),
        (340, "0.3s"),
        (9_999, "9.9s"),
        (42_900, "42s"),
        (723_000, "12m03s"),
        (11_220_000, "3h07m"),
        (187_200_000, "2d04h"),
    ],
)
def test_age(ms: int, text: str) -> None:
    assert f.age(ms) == text


def test_a_countdown_ends_at_zero() -> None:
    assert [f.countdown(ms) for ms in (23_440, 50, 0, -900)] == ["23.4s", "0.1s", "0.0s", "0.0s"]


def test_clock_time_is_utc() -> None:
    assert f.clock_time(1_763_870_584_000) == "04:03:04"


@pytest.mark.parametrize("width", [1, 8, 33])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999, 1.0, 7.0, -1.0])
def test_a_bar_has_exactly_its_width(share: float, width: int) -> None:
    filled, rest = f.bar(share, width)
    assert len(filled) + len(rest) == width


def test_a_bar_shows_the_first_sliver_and_is_full_only_at_the_limit() -> None:
    assert f.bar(0, 8) == ("", "─" * 8)
    assert f.bar(1 / 200, 8)[0] == "╸"
    assert f.bar(0.999, 8)[1] != "" or f.bar(0.999, 8)[0].endswith("╸")
    assert f.bar(1, 8) == ("━" * 8, "")


def test_sparkline_keeps_the_newest_and_spans_low_to_high() -> None:
    assert f.sparkline([9, 0, 1, 2], 3) == "▁▄█"
    assert f.sparkline([50], 5, top=100) == "▄"
    assert f.sparkline([3, 3], 5) == "▁▁"
    assert f.sparkline([], 5) == ""


def test_fit_marks_a_cut_and_counts_wide_characters() -> None:
    assert f.fit("abcdef", 4) == "abc…"
    assert f.fit("ab", 4) == "ab  "
    assert f.fit("ab", 4, right=True) == "  ab"
    assert f.cell_len(f.fit("漢字漢字", 5)) == 5


def test_wrap_loses_nothing() -> None:
    words = "refused: averyveryverylongwordwithoutablank and 2 orders"
    lines = f.wrap(words, 10)
    assert all(f.cell_len(line) <= 10 for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert f.wrap("", 10) == []
