"""Plain characters for poor terminals: one for one, and nothing of ours is left out."""

from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import desk
from rich.cells import cell_len

from hip3_tui.glyphs import ASCII, table

SOURCES = Path(__file__).parents[2] / "hip3_tui"


def test_each_has_one_of_the_same_width() -> None:
    for code, plain in ASCII.items():
        assert plain.isascii()
        assert len(plain) == cell_len(chr(code)) == 1


def test_every_sign_that_our_sources_draw_has_one() -> None:
    drawn = {c for path in SOURCES.rglob("*.py") if path.name != "glyphs.py" for c in path.read_text() if ord(c) > 127}
    assert {c for c in drawn if ord(c) not in ASCII} == set()


@pytest.mark.parametrize(
    ("setting", "environ", "is_plain"),
    [
        ("auto", {"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}, False),
        ("auto", {"TERM": "xterm"}, False),
        ("auto", {"TERM": "linux", "LANG": "en_US.UTF-8"}, True),
        ("auto", {"TERM": "xterm", "LANG": "de_DE.ISO-8859-1"}, True),
        ("auto", {"TERM": "xterm", "LANG": "de_DE.ISO-8859-1", "LC_ALL": "C.utf8"}, False),
        ("auto", {"TERM": "xterm", "LANG": "de_DE.UTF-8@euro"}, False),
        ("ascii", {"TERM": "xterm-256color"}, True),
        ("unicode", {"TERM": "linux"}, False),
    ],
)
def test_who_gets_them(setting: str, environ: dict[str, str], is_plain: bool) -> None:
    assert (table(setting, environ) is not None) is is_plain


async def test_the_palette_has_them_too() -> None:
    async with desk(made.snapshot(), (120, 40)) as it:
        await it.press("ctrl+p")
        await it.until(lambda: "Search for commands" in it.text(), "the palette")
        assert {c for c in it.text().translate(ASCII) if not c.isascii()} == set()
