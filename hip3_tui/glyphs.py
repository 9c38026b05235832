"""Plain characters in the place of lines, bars and marks, for terminals whose font has none.

One character for one, each a cell wide, so that nothing moves. Applied to all output at once, in the driver: a dialog's frame and a bar in a
pane alike.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Mapping

_BRAILLE = 0x2800
"""Where the plots' patterns begin: a bit for each dot."""
_DENSITY = " ..:::###"
"""By the number of dots in a cell."""

ASCII = str.maketrans(
    {
        **{chr(_BRAILLE + dots): _DENSITY[dots.bit_count()] for dots in range(256)},
        **dict.fromkeys("─━╸╺╌┄▔", "-"),
        **dict.fromkeys("│┃▏▕║", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰┏┓┗┛┣┫╋╔╗╚╝", "+"),
        **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True)),
        "▀": "#",
        "▌": "#",
        "▐": "#",
        "▊": "#",
        "▎": "|",
        "✓": "v",
        "✗": "x",
        "…": "~",
        "·": ".",
        "•": "*",
        "×": "x",
        "–": "-",
        "—": "-",
        "↑": "^",
        "↓": "v",
        "←": "<",
        "→": ">",
        "▸": ">",
        "▾": "v",
        "▲": "^",
        "▼": "v",
        "⭘": "o",
        "❯": ">",
    }
)


def table(setting: str, environ: Mapping[str, str]) -> dict[int, str] | None:
    """What to translate output with; None: leave it.

    Args:
        setting: ``auto``, ``unicode`` or ``ascii``, as the config has it.
        environ: Of the process.
    """
    if setting == "unicode" or (setting == "auto" and not _is_poor(environ)):
        return None
    return {code: str(plain) for code, plain in ASCII.items()}


def _is_poor(environ: Mapping[str, str]) -> bool:
    """The text console of Linux has a few hundred glyphs; a locale that names another character set than UTF-8 means it."""
    if environ.get("TERM", "").startswith("linux"):
        return True
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    _, dot, charset = locale.partition(".")
    return bool(dot) and charset.partition("@")[0].lower().replace("-", "") != "utf8"
