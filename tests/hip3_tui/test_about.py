"""About: what is shown, and what can never be."""

from __future__ import annotations

from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import desk

from core.config import parse_config
from core.messages.about import AboutPart
from hip3_tui.commands.beside import about
from hip3_tui.console import Outside
from hip3_tui.screens.about import AboutScreen
from hip3_tui.screens.trading import TradingScreen

KEY = "5ec7e7" * 10 + "abcd"
CONFIG = """
ws_url = "ws://127.0.0.1:4001/ws"
info_url = "http://127.0.0.1:4001/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = { type = "env_var", var_name = "THE_KEY" }
[account]
address = "0x1234567890abcdef1234567890abcdef12345678"
[execution]
time_stop_ms = 12345
"""


def parts(tmp_path: Path) -> tuple[AboutPart, ...]:
    file = tmp_path / "c.toml"
    file.write_text(CONFIG)
    return about(parse_config(CONFIG, "c.toml"), str(file), tmp_path / "journal.db", tmp_path / "console.log")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_tells_the_run_the_files_and_the_settings(size: tuple[int, int], tmp_path: Path) -> None:
    told = parts(tmp_path)
    async with desk(made.snapshot(), size, Outside(about=lambda: told)) as it:
        await it.press("a")
        assert isinstance(it.app.screen, AboutScreen)
        await it.until(lambda: it.app.screen._parts is not None, "the answer")  # type: ignore[attr-defined]
        lines = ["".join(words for words, _ in line) for line in it.app.screen.body(it.app.look())]
        text = " ".join(" ".join(lines).split())
        for words in (
            "hip3-tui 0.1.0",
            "account 0x1234567890abcdef",
            "run 3, since",
            "textual 8.2.8",
            "the variable THE_KEY",
            "time_stop_ms = 12345",
        ):
            assert words in text
        assert "journal.db" in "".join(text.split())
        assert "account" in it.text()
        await it.press("down", "pagedown", "escape")
        assert isinstance(it.app.screen, TradingScreen)


async def test_it_opens_before_the_engine_has_spoken_and_when_nobody_can_answer() -> None:
    async with desk(None) as it:
        await it.press("a")
        assert "the engine has not reported yet" in it.flowing()

    def broken() -> tuple[AboutPart, ...]:
        raise OSError("gone")

    async with desk(made.snapshot(), (120, 40), Outside(about=broken)) as it:
        await it.press("a")
        await it.read("OSError: gone")


def test_the_key_is_not_among_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    assert KEY not in repr(parts(tmp_path))


def test_a_config_that_changed_meanwhile_is_told_as_it_is_in_force(tmp_path: Path) -> None:
    told = about(parse_config(CONFIG, "c.toml"), str(tmp_path / "gone.toml"), tmp_path / "j.db", tmp_path / "c.log")
    assert any("time_stop_ms = 12345" in value for _, value in told[-1].lines)
