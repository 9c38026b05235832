"""The page stands alone, escapes what it is told, and has every part."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from report_samples import DAY, empty, sample

from hip3_tui.report_html import report_html

VOID = {"meta", "br", "line", "circle", "rect", "polyline", "link"}
OPTIONAL_END = {"th", "tr", "td", "p", "li"}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID | OPTIONAL_END:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID | OPTIONAL_END:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs) -> None:
        self.seen.append(tag)

    def handle_data(self, data) -> None:
        self.text += data


def read(report) -> Reader:
    reader = Reader()
    reader.feed(report_html(report))
    reader.close()
    return reader


@pytest.mark.parametrize(
    "report", [sample(), sample(DAY), empty(), sample(count=1)], ids=["all", "day", "empty", "one"]
)
def test_it_is_whole_and_needs_nothing_else(report) -> None:
    reader = read(report)
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.seen)
    assert not [a for a in reader.attributes if a[0] in ("src", "href", "onload", "onclick")]
    assert not re.search(r"https?://|url\(|@import", report_html(report))
    assert reader.seen.count("svg") == 5


def test_what_came_from_outside_is_escaped() -> None:
    page = report_html(sample(DAY))
    assert "<script" not in page
    assert '<script>alert(1)</script> & "so on"' in read(sample(DAY)).text


def test_parts() -> None:
    text = read(sample(DAY)).text
    for part in (
        "report of 2026-09-22",
        "SIMULATOR",
        "Go / No-Go",
        "REVIEW",
        "Phase C",
        "Daily review, 2026-09-22",
        "Plots",
        "Totals",
        "Trades",
        "To know",
        "Errors",
        "Oddities",
    ):
        assert part in text
    assert "Daily review" not in read(sample()).text


def test_every_trade_has_its_line() -> None:
    assert report_html(sample()).count("<td class=n>30,200</td>") == 60


def test_mainnet_stands_out() -> None:
    from msgspec.structs import replace

    page = report_html(replace(sample(), network="mainnet"))
    assert '<span class="network bad">MAINNET</span>' in page
