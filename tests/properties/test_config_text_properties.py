"""Any config that is valid reads back as itself from what `hip3-tui config show` says of it."""

from __future__ import annotations

from config_strategies import valid_configs
from hypothesis import given
from property_budget import examples

from core.config import Config, parse_config
from core.config_text import config_text


@examples(40)
@given(valid_configs())
def test_any_config_reads_back_as_itself(config: Config) -> None:
    text = config_text(config, {})
    if "not shown)" not in text:  # a name that could be a key is left out
        assert parse_config(text, "shown") == config
