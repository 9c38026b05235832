"""Lines of a pane as the content of a widget of Textual's, for what is read and scrolled rather than watched.

SPEC 11.
"""

from __future__ import annotations

from textual.content import Content

from hip3_tui.panes.live_lines import Line

_STYLES = {
    "": "",
    "dim": "$text-quiet",
    "strong": "bold",
    "title": "bold $primary",
    "good": "$success",
    "warn": "$warning",
    "bad": "bold $error",
    "accent": "$accent",
    "track": "$line",
    "plate-good": "bold reverse $success",
    "plate-info": "bold reverse $primary",
    "plate-warn": "bold reverse $warning",
    "plate-bad": "bold reverse $error",
    "plate-dim": "bold reverse $text-quiet",
}


def as_content(lines: list[Line]) -> Content:
    rows = [Content.assemble(*((words, _STYLES[style]) for words, style in line)) for line in lines]
    return Content("\n").join(rows)
