"""URLs from the config, the environment and files; and that none of them is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.config import ConfigError
from core.config_alerts import AlertsConfig
from core.runtime.alert_urls import MOST_TARGETS, read_alert_urls

TOKEN = "T1JJ3T3L2"
SECRET = f"slack://{TOKEN}/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def read(environ: dict[str, str] | None = None, **settings: Any) -> tuple[list[str], tuple[str, ...]]:
    urls, warnings = read_alert_urls(AlertsConfig(**settings), environ or {}, "c.toml")
    return [url.reveal() for url in urls], warnings


def test_from_all_three_places_each_once(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text(f"# mine\n\n  ntfy://topic\n{SECRET}\n")
    file.chmod(0o600)
    urls, warnings = read(
        {"A": f"  {SECRET} json://127.0.0.1:1/x\n"},
        urls=("discord://1234/abcd",),
        urls_env=("A",),
        urls_files=(str(file),),
    )
    assert urls == ["discord://1234/abcd", SECRET, "json://127.0.0.1:1/x", "ntfy://topic"]
    assert warnings == ()


def test_no_place_is_no_target() -> None:
    assert read() == ([], ())


def test_a_file_that_others_can_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text(SECRET)
    file.chmod(0o644)
    assert read(urls_files=(str(file),))[1] == (
        f"alerts: {file} can be read by others; chmod 600 keeps its URLs yours",
    )


@pytest.mark.parametrize(
    ("environ", "settings", "said"),
    [
        ({}, {"urls_env": ("A",)}, "alerts.urls_env: variable A is not set"),
        ({"A": " "}, {"urls_env": ("A",)}, "alerts.urls_env: variable A is not set"),
        ({"A": TOKEN}, {"urls_env": ("A",)}, "variable A: entry 1 is no URL"),
        ({}, {"urls": (f"ntfy://x {TOKEN}",)}, "alerts.urls[0]: entry 2 is no URL"),
        ({}, {"urls_files": ("no/such",)}, "alerts.urls_files: no/such: cannot be read: No such file"),
        ({}, {"urls": (" ",)}, "alerts.urls[0]: holds no URL"),
        ({"A": " ".join(f"ntfy://{n}" for n in range(MOST_TARGETS + 1))}, {"urls_env": ("A",)}, "17 targets"),
    ],
)
def test_what_cannot_be_used_names_the_place_and_not_what_is_there(
    environ: dict[str, str], settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read(environ, **settings)
    assert str(error.value).startswith("c.toml: alerts")
    assert said in str(error.value)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfe\x00", "not UTF-8"), (b"x" * 100_001, "longer than"), (b"# none\n", "holds no URL")],
)
def test_a_file_that_is_no_list_of_urls(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "urls"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read(urls_files=(str(file),))


def test_a_url_shows_its_masked_name_alone() -> None:
    (url,), _ = read_alert_urls(AlertsConfig(urls=(SECRET,)), {}, "c.toml")
    assert url.name == "slack://... (target 1)"
    assert TOKEN not in f"{url!r} {url} {vars(AlertsConfig)!r}"
