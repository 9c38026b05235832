"""Themes: one for each name a config may have, readable, and the colour-blind one without a meaning between red and green."""

import pytest
from textual.color import Color

from core.config_console import THEMES as NAMES
from hip3_tui.themes import THEMES, after


def contrast(one: str, other: str) -> float:
    """As WCAG counts it: 1 is none, 21 is black on white."""

    def luminance(name: str) -> float:
        parts = [c / 255 for c in Color.parse(name).rgb]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_config_and_the_console_know_the_same() -> None:
    assert tuple(THEMES) == NAMES


def test_the_key_goes_round() -> None:
    names, name = [], "dark"
    for _ in THEMES:
        name = after(name)
        names.append(name)
    assert names == ["light", "contrast", "colour-blind", "dark"]


@pytest.mark.parametrize("name", THEMES)
def test_every_colour_can_be_read_on_its_ground(name: str) -> None:
    theme = THEMES[name]
    least = 7.0 if name == "contrast" else 4.5
    for colour in (theme.foreground, theme.primary, theme.accent, theme.success, theme.warning, theme.error):
        assert contrast(colour, theme.background) >= least, colour
    assert contrast(theme.variables["text-quiet"], theme.background) >= 4.5


def as_seen(colour: str, kind: str) -> tuple[float, float, float]:
    """By an eye without the cones for red (protan) or green (deutan): after Viénot, Brettel and Mollon, 1999."""
    r, g, b = (((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92 for c in Color.parse(colour).rgb)
    if kind == "protan":
        return 0.11238 * r + 0.88762 * g, 0.11238 * r + 0.88762 * g, 0.00401 * r - 0.00401 * g + b
    return 0.29275 * r + 0.70725 * g, 0.29275 * r + 0.70725 * g, -0.02234 * r + 0.02234 * g + b


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_the_three_meanings_differ_for_those_who_confuse_red_and_green(kind: str) -> None:
    theme = THEMES["colour-blind"]
    seen = [as_seen(colour, kind) for colour in (theme.success, theme.warning, theme.error)]
    for i, one in enumerate(seen):
        for other in seen[i + 1 :]:
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.2
