"""The colours. Few, and each with one meaning: green is fine, amber wants a look, red is money or safety; all else is grey.

No meaning hangs on a colour alone: every one has its word, sign or plate (SPEC 11), so that a terminal without colour (NO_COLOR) tells the same.
``colour-blind`` puts blue in the place of green and vermilion in that of red, after the palette of Okabe and Ito, which those who confuse red
and green can tell apart. ``contrast`` is pure colours on black, for bad eyes and bad projectors.
"""

from __future__ import annotations

from textual.theme import Theme


def _theme(name: str, colours: dict[str, str], *, dark: bool = True) -> Theme:
    c = colours
    return Theme(
        name=name,
        primary=c["info"],
        secondary=c["quiet"],
        accent=c["accent"],
        foreground=c["text"],
        background=c["background"],
        surface=c["surface"],
        panel=c["panel"],
        success=c["good"],
        warning=c["warn"],
        error=c["bad"],
        dark=dark,
        variables={"text-quiet": c["quiet"], "line": c["line"], "border": c["info"], "border-blurred": c["line"]},
    )


_NIGHT = {
    "text": "#dde3ea",
    "quiet": "#8e9aa8",
    "line": "#3a4552",
    "background": "#0e1217",
    "surface": "#161c24",
    "panel": "#232b36",
}
_MIXED = {"info": "#6cb6ff", "accent": "#7fc7d9", "good": "#57c98a", "warn": "#f2b84b", "bad": "#ff6f69"}
_OKABE_ITO = {"info": "#cfd8e3", "accent": "#cc79a7", "good": "#56b4e9", "warn": "#f0e442", "bad": "#e8743b"}
_PAPER = {
    "info": "#0b5cad",
    "accent": "#00667a",
    "good": "#136c3a",
    "warn": "#8a5300",
    "bad": "#b3171f",
    "text": "#15191e",
    "quiet": "#59636e",
    "line": "#b9c1ca",
    "background": "#fbfbf9",
    "surface": "#eef0f1",
    "panel": "#dfe3e7",
}
_PURE = {
    "info": "#00d7ff",
    "accent": "#00d7ff",
    "good": "#00ff5f",
    "warn": "#ffff00",
    "bad": "#ff5f5f",
    "text": "#ffffff",
    "quiet": "#d0d0d0",
    "line": "#9e9e9e",
    "background": "#000000",
    "surface": "#000000",
    "panel": "#303030",
}

THEMES: dict[str, Theme] = {
    "dark": _theme("hip3-dark", _NIGHT | _MIXED),
    "light": _theme("hip3-light", _PAPER, dark=False),
    "contrast": _theme("hip3-contrast", _PURE),
    "colour-blind": _theme("hip3-colour-blind", _NIGHT | _OKABE_ITO),
}
"""By their names in a config (core.config_console)."""


def after(name: str) -> str:
    """The theme that the key changes to."""
    names = list(THEMES)
    return names[(names.index(name) + 1) % len(names)]
