"""The colours. Few, and each with one meaning: green is fine, amber wants a look, red is money or safety; all else is grey.

No meaning hangs on a colour alone: every one has its word, sign or plate (SPEC 11).
"""

from __future__ import annotations

from textual.theme import Theme

NIGHT = Theme(
    name="hip3-night",
    primary="#6cb6ff",
    secondary="#8b98a8",
    accent="#7fc7d9",
    foreground="#dde3ea",
    background="#0e1217",
    surface="#161c24",
    panel="#232b36",
    success="#57c98a",
    warning="#f2b84b",
    error="#ff6f69",
    dark=True,
    variables={
        "text-quiet": "#8e9aa8",
        "line": "#3a4552",
        "border": "#6cb6ff",
        "border-blurred": "#3a4552",
    },
)
