"""`hip3-tui order` against the simulated exchange, judged by the exchange's own view: each way an order can end, and what stays open."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from venue_driver import SimVenue

from core.config import SimConfig
from core.runtime.account_lock import AccountLock
from core.runtime.config_file import load_config
from core.runtime.keys import TEST_ADDRESS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = {{ type = "simulator" }}
[execution]
post_timeout_ms = 1500
{more}
"""
VENUE = SimConfig(seed=11, latency_min_ms=5, latency_max_ms=20, markets=(SimVenue.COIN,), ip_limits=False)


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venue = SimVenue(VENUE)
        self.config = self.written()
        self.env = {"XDG_STATE_HOME": str(folder / "state")}

    def written(self, more: str = "", name: str = "order.toml") -> Path:
        path = self.folder / name
        path.write_text(CONFIG.format(port=self.venue.port, more=more))
        return path

    def start(self, *words: str, config: Path | None = None) -> subprocess.Popen[str]:
        import os

        return subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "order", "--config", str(config or self.config), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.env},
            cwd=Path(__file__).parents[2],
        )

    def order(self, *words: str, config: Path | None = None) -> tuple[int, list[dict[str, Any]], str]:
        """Exit code, lines of JSON, stderr."""
        process = self.start("xyz:SNDK", *words, "--json", config=config)
        out, err = process.communicate(timeout=120)
        return process.returncode, [json.loads(line) for line in out.splitlines()], err

    def held(self) -> list[Any]:
        return [p for p in self.venue.truth()["positions"] if float(p["szi"])]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.venue.kill()


def result_of(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return next(line for line in lines if "result" in line)


def test_filled_and_left_open_then_rested_then_reduced(stage: Stage) -> None:
    code, lines, err = stage.order("buy", "--usd", "20")
    assert (code, result_of(lines)["result"]) == (0, "filled"), err
    steps = [line["step"] for line in lines if "step" in line]
    wanted = ["preview", "queued", "to be signed", "signed", "sent", "answered"]
    assert [s for s in steps if s in wanted] == wanted
    times = [line["at_ms"] for line in lines if "at_ms" in line]
    assert times == sorted(times)
    preview = next(line["text"] for line in lines if line.get("step") == "preview")
    assert "xyz:SNDK is asset 110016" in preview
    assert preview.endswith("no builder fee")
    assert '"builder"' not in preview
    assert any("stays open" in line.get("open", "") for line in lines)
    (held,) = stage.held()
    assert held["szi"] == result_of(lines)["filled"]

    code, lines, err = stage.order("buy", "--size", "0.01", "--tif", "gtc", "--price", "1200")
    assert (code, result_of(lines)["result"]) == (0, "resting"), err
    (resting,) = stage.venue.truth()["openOrders"]
    assert resting["oid"] == result_of(lines)["oid"]
    assert resting["cloid"] == result_of(lines)["cloid"]
    assert stage.held() == [held], "a position that is older than the time stop is left alone by an order"

    code, lines, err = stage.order("sell", "--size", "5", "--reduce-only")
    assert (code, result_of(lines)["result"]) == (0, "filled"), err
    assert stage.held() == []


def test_flatten_after_closes_it_again(stage: Stage) -> None:
    code, lines, err = stage.order("sell", "--usd", "20", "--flatten-after", "0.2")
    assert (code, result_of(lines)["result"]) == (0, "flat"), err
    assert stage.held() == []
    assert not any("open" in line for line in lines)


def test_what_we_refuse_is_not_sent_and_what_the_exchange_refuses_is_said_verbatim(stage: Stage) -> None:
    code, lines, _ = stage.order("buy", "--usd", "5000")
    assert code == 4
    assert result_of(lines)["text"].startswith("max notional per order: $")
    code, lines, _ = stage.order("buy", "--usd", "20", "--price", "1500")
    assert code == 3
    assert result_of(lines)["text"].startswith("Order could not immediately match")
    code, lines, _ = stage.order("buy", "--usd", "20", "--dry-run")
    assert (code, result_of(lines)["result"]) == (0, "dry run")
    code, lines, _ = stage.order("sell", "--size", "1", "--reduce-only", "--dry-run")
    assert (code, result_of(lines)["text"]) == (4, "reduce only: no position to reduce")
    assert stage.venue.fills() == []


def test_a_lost_answer_is_looked_up_to_its_end(stage: Stage) -> None:
    stage.venue.fault("lose_reply", count=1)
    code, lines, err = stage.order("buy", "--usd", "20")
    assert (code, result_of(lines)["result"]) == (0, "filled"), err
    assert stage.held()


def test_flatten_after_is_refused_where_something_is_held_already(stage: Stage) -> None:
    stage.order("buy", "--usd", "20")
    code, lines, _ = stage.order("buy", "--usd", "20", "--flatten-after", "1")
    assert code == 4
    assert "is held already" in result_of(lines)["text"]
    assert len(stage.held()) == 1


def test_beside_a_running_console_it_is_refused_and_the_console_is_named(stage: Stage) -> None:
    lock = AccountLock.take(
        load_config(stage.config),
        TEST_ADDRESS,
        TEST_ADDRESS,
        1_700_000_000_000,
        state=stage.folder / "state" / "hip3-tui",
    )
    try:
        process = stage.start("xyz:SNDK", "buy", "--usd", "20")
        _, err = process.communicate(timeout=60)
    finally:
        lock.release()
    assert process.returncode == 78
    assert "console, process" in err


def test_an_interrupt_leaves_open_what_is_open(stage: Stage) -> None:
    stage.order("buy", "--usd", "20")
    process = stage.start("xyz:SNDK", "sell", "--size", "0.001", "--reduce-only", "--flatten-after", "60", "--json")
    process.terminate()
    process.communicate(timeout=60)
    assert len(stage.held()) == 1


def test_under_mainnets_rules_it_asks_for_the_words(stage: Stage) -> None:
    config = stage.written(
        '[sim]\nnetwork = "mainnet"\n[safety]\nmainnet = true\n[account]\naddress = "' + TEST_ADDRESS + '"',
        "mainnet.toml",
    )
    process = stage.start("xyz:SNDK", "buy", "--usd", "20", config=config)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 78
    assert "this asks for the words REAL MONEY" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["xyz:SNDK", "buy"], "give either --usd or --size"),
        (["xyz:SNDK", "buy", "--usd", "1", "--size", "1"], "give either --usd or --size"),
        (["xyz:SNDK", "buy", "--usd", "x"], "'x' is not a number"),
        (["xyz:SNDK", "buy", "--usd", "-5"], "expected a positive number"),
        (["xyz:SNDK", "buy", "--usd", "5", "--price", "0"], "expected a positive number"),
        (["xyz:SNDK", "buy", "--usd", "5", "--price", "1", "--slippage", "2"], "give either --price or --slippage"),
        (["xyz:SNDK", "buy", "--usd", "5", "--tif", "alo"], "--tif alo needs a --price"),
        (["xyz:", "buy", "--usd", "5"], "expected COIN or dex:COIN"),
        (["xyz:SNDK", "long", "--usd", "5"], "'long' is not one of 'buy', 'sell'"),
    ],
)
def test_bad_words_are_one_clear_message(words: list[str], said: str) -> None:
    from click.testing import CliRunner

    from hip3_tui.cli import main

    done = CliRunner().invoke(main, ["order", *words])
    assert done.exit_code == 2
    assert said in done.output


def test_a_market_that_the_config_has_not_is_refused(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from hip3_tui.cli import main

    config = tmp_path / "x.toml"
    config.write_text(CONFIG.format(port=9, more=""))
    done = CliRunner().invoke(main, ["order", "--config", str(config), "xyz:NVDA", "buy", "--usd", "11"])
    assert done.exit_code == 78
    assert "xyz:NVDA is not among [[markets]]: xyz:SNDK" in done.output
    config.write_text(CONFIG.format(port=9, more="").replace('"trading"', '"observation"'))
    done = CliRunner().invoke(main, ["order", "--config", str(config), "xyz:SNDK", "buy", "--usd", "11"])
    assert done.exit_code == 78
    assert "sends nothing" in done.output
