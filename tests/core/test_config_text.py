"""A config as text again reads back as itself, says what is a default, and keeps its secrets."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.config import parse_config
from core.config_faults import FaultConfig
from core.config_section import Section
from core.config_text import _plain, config_text

CONFIGS = Path(__file__).parents[2] / "config"
KEY = "5ecae7" + "9d" * 28 + "01"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.name)
def test_it_reads_back_as_the_same_config(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    config = parse_config(text, path.name)
    shown = config_text(config, tomllib.loads(text))
    assert parse_config(shown, "shown") == config


def test_what_the_file_did_not_say_is_marked_as_a_default() -> None:
    text = (CONFIGS / "sim.toml").read_text(encoding="utf-8")
    lines = config_text(parse_config(text, "sim.toml"), tomllib.loads(text)).splitlines()
    assert "min_edge_bps = 20" in lines
    assert any(line.startswith("slippage_bps = 2 ") and line.endswith("# default") for line in lines)
    assert "asset_idx = 110016" in lines
    assert lines.count("# asset_idx is not set") == 6


class Hidden(Section, frozen=True):
    secrets = ("urls",)
    urls: tuple[str, ...] = ("https://token@example.invalid",)
    ratio: Decimal = Decimal("0.10")


def test_a_setting_that_may_hold_a_secret_is_left_out() -> None:
    lines = list(_plain(Hidden(), {"urls": []}, "hidden"))
    assert lines[0] == "# urls = (may hold a secret, not shown)"
    assert lines[1].startswith("ratio = 0.10 ")
    assert "token" not in "".join(lines)


def test_a_key_pasted_where_a_name_belongs_does_not_come_out() -> None:
    text = (CONFIGS / "sim.toml").read_text(encoding="utf-8")
    text = text.replace('{ type = "simulator" }', f'{{ type = "env_var", var_name = "{KEY}" }}')
    assert KEY[:20] not in config_text(parse_config(text, "sim.toml"), tomllib.loads(text))


def test_what_a_terminal_would_obey_is_escaped() -> None:
    fault = FaultConfig(name='x\x1b[2J"\\')
    config = parse_config((CONFIGS / "sim.toml").read_text(encoding="utf-8"), "sim.toml")
    config = replace(config, sim=replace(config.sim, faults=(fault,)))
    shown = config_text(config, {})
    assert "\x1b" not in shown
    assert tomllib.loads(shown)["sim"]["faults"][0]["name"] == fault.name
