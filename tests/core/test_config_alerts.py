"""The settings of alerts, and that a URL written into a config is shown nowhere."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console
from rich.traceback import Traceback

from core.config import ConfigError, parse_config
from core.config_errors import masked_url

BASE = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
[[markets]]
coin = "BTC"
"""
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"
URL = f"discord://4174216298/{TOKEN}"


def test_without_the_section_there_are_no_targets() -> None:
    assert not parse_config(BASE, "c").alerts.has_targets
    assert parse_config(BASE + '[alerts]\nurls_env = ["A"]', "c").alerts.has_targets


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("max_per_minute = 0", "c: alerts.max_per_minute: expected an integer from 1 to 60 (found 0)"),
        ('min_severity = "all"', "c: alerts.min_severity: expected one of 'info', 'warning', 'critical' (found 'all')"),
        (f'urls = "{URL}"', "c: alerts.urls: expected a list: each text in quotes"),
        (f'url = "{URL}"', "c: alerts.url: unknown key (found 'discord://...'); did you mean 'urls'?"),
        (f'min_severity = "see {URL} there"', "(found 'see discord://... there')"),
        ("timeout_ms = 5", "c: alerts.timeout_ms: expected an integer from 100 to 60000 (found 5)"),
    ],
)
def test_what_does_not_fit_is_one_line_without_the_secret(lines: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(f"{BASE}[alerts]\n{lines}", "c")
    assert said in str(error.value)
    assert TOKEN not in str(error.value)


def test_a_url_in_the_config_is_in_no_repr_and_in_nothing_that_is_kept() -> None:
    config = parse_config(f'{BASE}[alerts]\nurls = ["{URL}", "json://u:{TOKEN}@127.0.0.1:9/{TOKEN}"]', "c")
    assert config.alerts.urls[0] == URL
    assert TOKEN not in repr(config)
    assert "discord://..." in repr(config)
    masked = config.masked()
    assert masked.alerts.urls == ("discord://...", "json://...@127.0.0.1:9/...")
    assert TOKEN.encode() not in msgspec.json.encode(masked)
    assert msgspec.structs.replace(masked, alerts=config.alerts) == config, "nothing else is changed"


def test_nor_in_a_traceback_that_prints_locals() -> None:
    config = parse_config(f'{BASE}[alerts]\nurls = ["{URL}"]', "c")
    alerts = config.alerts
    try:
        raise ZeroDivisionError(f"{config.mode} {alerts.max_per_minute}")
    except ZeroDivisionError as e:
        report = Traceback.from_exception(type(e), e, e.__traceback__, show_locals=True)
    console = Console(file=io.StringIO(), width=200)
    console.print(report)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "discord://..." in printed
    assert TOKEN not in printed


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://hooks.slack.com/services/T1/B2/secret", "https://hooks.slack.com/..."),
        ("https://user:pass@host.example", "https://...@host.example"),
        ("http://127.0.0.1:0/ws", "http://127.0.0.1:0/ws"),
        ("ws://host/?token=x", "ws://host/..."),
        ("ntfy://secret-topic", "ntfy://..."),
        ("tgram://123:abc/456", "tgram://..."),
        ("mailtos://user:pass@mail.example?to=a@b.c", "mailtos://...@mail.example/..."),
        ("nonsense", "..."),
        ("", "..."),
    ],
)
def test_of_a_url_only_what_cannot_be_a_secret_is_left(url: str, masked: str) -> None:
    assert masked_url(url) == masked
