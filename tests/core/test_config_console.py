"""The [console] section: what it takes, and what it says to what it does not take."""

import pytest

from core.config import ConfigError, parse_config
from core.config_console import THEMES, ConsoleConfig

HEAD = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
markets = [{ coin = "BTC" }]
"""


def parsed(console: str) -> ConsoleConfig:
    return parse_config(f"{HEAD}\n[console]\n{console}\n", "c.toml").console


def refusal(console: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(console)
    return str(caught.value)


def test_as_shipped() -> None:
    assert parsed("") == ConsoleConfig()
    assert ConsoleConfig().refresh_hz == 4


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_has_a_name(theme: str) -> None:
    assert parsed(f'theme = "{theme}"').theme == theme


def test_keys_are_kept_as_they_are_written() -> None:
    assert parsed('keys = { flatten_all = ["z", "Z"], help = [] }').keys == {"flatten_all": ["z", "Z"], "help": []}


@pytest.mark.parametrize(
    ("console", "words"),
    [
        ('theme = "pink"', "console.theme: expected one of 'dark', 'light', 'contrast', 'colour-blind' (found 'pink')"),
        ("refresh_hz = 0", "console.refresh_hz: expected an integer from 1 to 30 (found 0)"),
        ("refresh_hz = 31", "console.refresh_hz: expected an integer from 1 to 30 (found 31)"),
        ('bell = "no"', "console.bell: expected true or false (found 'no')"),
        ("keys = 5", "console.keys: expected a table (found 5)"),
        ('keys = { help = "z" }', "console.keys: expected a list of keys in quotes for 'help' (found 'z')"),
        ("keys = { help = [5] }", "console.keys: expected a list of keys in quotes for 'help' (found a list)"),
        ("colour = true", "console.colour: unknown key"),
    ],
)
def test_what_it_does_not_take_is_told(console: str, words: str) -> None:
    assert words in refusal(console)
