"""Which file is read, what is said when it cannot be, and where its relative paths lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.config import ConfigError, EnvVarKey, FileKey
from core.runtime.config_file import config_path, load_config

SIMULATOR = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
[[markets]]
coin = "BTC"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "a config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_option_beats_the_variable():
    assert config_path("given.toml", {"HIP3_CONFIG": "named.toml"}) == Path("given.toml")


def test_the_variable_names_the_file_when_no_option_does():
    assert config_path(None, {"HIP3_CONFIG": "named.toml"}) == Path("named.toml")


@pytest.mark.parametrize("environ", [{}, {"HIP3_CONFIG": ""}])
def test_no_name_at_all_says_how_to_give_one(environ):
    with pytest.raises(ConfigError, match=r"--config FILE or set HIP3_CONFIG"):
        config_path(None, environ)


def test_a_good_file_is_read(tmp_path):
    config = load_config(written(tmp_path, SIMULATOR))
    assert [m.coin for m in config.markets] == ["BTC"]
    assert config.runs_own_simulator


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    assert load_config(written(tmp_path, "\ufeff" + SIMULATOR)).mode == "observation"


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: no such config file$"):
        load_config(tmp_path / "none.toml")


def test_a_directory(tmp_path):
    with pytest.raises(ConfigError, match="is a directory, expected a config file"):
        load_config(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = written(tmp_path, SIMULATOR)
    path.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load_config(path)


def test_a_path_through_a_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        load_config(written(tmp_path, SIMULATOR) / "below.toml")


def test_bytes_that_are_no_text_are_named_with_their_place(tmp_path):
    path = tmp_path / "latin.toml"
    path.write_bytes(b'mode = "\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml: not UTF-8 text \(byte 0xe9 at offset 8\)"):
        load_config(path)


def test_a_file_that_never_ends_is_refused():
    with pytest.raises(ConfigError, match="/dev/zero: longer than 1000000 bytes"):
        load_config(Path("/dev/zero"))


def test_a_wrong_setting_names_the_file(tmp_path):
    path = written(tmp_path, "colour = 1\n" + SIMULATOR)
    with pytest.raises(ConfigError, match=r"a config\.toml: colour: unknown key"):
        load_config(path)


def keyed(tmp_path: Path, key_source: str, journal: str = "") -> Path:
    return written(tmp_path, SIMULATOR + f"[signer]\nkey_source = {key_source}\n{journal}")


def test_relative_paths_start_at_the_file_not_at_the_working_directory(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = keyed(tmp_path, '{ type = "file", path = "keys/agent" }', '[journal]\npath = "run/j.db"')
    monkeypatch.chdir(elsewhere)
    config = load_config(Path("..") / path.name)
    assert config.signer is not None
    assert isinstance(config.signer.key_source, FileKey)
    assert Path(config.signer.key_source.path).resolve() == tmp_path / "keys/agent"
    assert config.journal.path is not None
    assert Path(config.journal.path).resolve() == tmp_path / "run/j.db"


def test_the_home_directory_and_absolute_paths_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/operator")
    config = load_config(keyed(tmp_path, '{ type = "file", path = "~/key" }', '[journal]\npath = "/var/j.db"'))
    assert config.signer is not None
    assert isinstance(config.signer.key_source, FileKey)
    assert config.signer.key_source.path == "/home/operator/key"
    assert config.journal.path == "/var/j.db"


def test_a_key_that_is_no_file_is_left_alone(tmp_path):
    config = load_config(keyed(tmp_path, '{ type = "env_var", var_name = "AGENT" }'))
    assert config.signer is not None
    assert config.signer.key_source == EnvVarKey(var_name="AGENT")
