"""Every mistake of the operator's ends as one line on stderr and 78; and each command loads only what it needs."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import core
from hip3_tui import cli

ROOT = Path(__file__).parents[2]
SIM_CONFIG = ROOT / "config" / "sim.toml"


@pytest.fixture(autouse=True)
def _no_config_of_the_machine(monkeypatch):
    monkeypatch.delenv("HIP3_CONFIG", raising=False)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def refused(*arguments: str) -> str:
    """What one refusal says."""
    result = called(*arguments)
    assert result.exit_code == 78, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("hip3-tui: ")
    return line.removeprefix("hip3-tui: ")


def written(tmp_path: Path, more: str = "", old: str = "", new: str = "") -> str:
    text = SIM_CONFIG.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "own.toml"
    path.write_text(text.replace(old, new) + more, encoding="utf-8")
    return str(path)


def test_the_version():
    result = called("--version")
    assert result.exit_code == 0
    assert core.__version__ in result.stdout


def test_wrong_arguments_are_clicks_own_business():
    assert called("fly").exit_code == 2
    assert called("sim", "--port", "65536").exit_code == 2


# --- configs that cannot be used ------------------------------------------------------------------------------------------


def test_no_config_named():
    assert "--config FILE or set HIP3_CONFIG" in refused("run")


def test_a_missing_config():
    assert refused("run", "--config", "/no/such.toml") == "/no/such.toml: no such config file"


def test_a_directory(tmp_path):
    assert "is a directory" in refused("run", "--config", str(tmp_path))


def test_no_text(tmp_path):
    (tmp_path / "c").write_bytes(b"\xff")
    assert "not UTF-8 text" in refused("run", "--config", str(tmp_path / "c"))


def test_an_unknown_key(tmp_path):
    said = refused("run", "--config", written(tmp_path, "colour = 1\n"))
    assert "own.toml" in said
    assert "colour" in said
    assert "allowed here" in said


def test_a_wrong_type(tmp_path):
    said = refused("run", "--config", written(tmp_path, old="seed = 2", new='seed = "seven"'))
    assert "sim.seed" in said
    assert "'seven'" in said


def test_the_variable_names_the_config_and_the_option_beats_it(monkeypatch):
    monkeypatch.setenv("HIP3_CONFIG", "/from/variable")
    assert refused("run").startswith("/from/variable: ")
    assert refused("run", "--config", "/from/option").startswith("/from/option: ")


# --- faults and scenarios ---------------------------------------------------------------------------------------------------


def test_faults_are_listed_a_line_each():
    result = called("sim", "--list-faults")
    assert result.exit_code == 0
    assert "  black_hole  " in result.stdout
    assert "expired" not in result.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("lose_replys", "--fault 'lose_replys' does not exist; did you mean 'lose_reply'? allowed: lose_request, "),
        ("halt:count=2", "--fault halt: count = 2: this fault has it not; halt takes for_ms, after_ms, coin; "),
        ("halt:coin=NOPE", "fault halt: coin = 'NOPE': not listed"),
    ],
)
def test_a_wrong_fault(fault, said):
    assert refused("sim", "--fault", fault).startswith(said)


def test_a_wrong_fault_in_a_config(tmp_path):
    said = refused("sim", "--config", written(tmp_path, '[[sim.faults]]\nname = "lose_replys"\n'))
    assert "own.toml: sim.faults[0]: 'lose_replys' does not exist; did you mean 'lose_reply'?" in said


def test_a_scenario_that_is_not_there():
    assert refused("sim", "--scenario", "/no/such.toml") == "/no/such.toml: no such scenario file"
    result = called("drill", "/no/such.toml", "--headless")
    assert result.exit_code == 2
    assert result.stderr == "hip3-tui: /no/such.toml: no such scenario file\n"


def test_a_drill_with_the_console_needs_a_terminal():
    result = called("drill", str(ROOT / "config" / "scenarios" / "quiet_day.toml"))
    assert result.exit_code == 2, "78 is for a program that was to trade"
    assert result.stderr.startswith("hip3-tui: stdin is not a terminal")


# --- terminal ---------------------------------------------------------------------------------------------------------------


def test_run_needs_a_terminal_and_says_what_to_do():
    said = refused("run", "--config", str(SIM_CONFIG))
    assert said.startswith("stdin is not a terminal")
    assert "tmux" in said


@pytest.mark.parametrize("redirected", ["stdin", "stdout", "stderr"])
def test_each_stream_is_needed(redirected):
    master, slave = os.openpty()
    streams: dict[str, int] = {"stdin": slave, "stdout": slave, "stderr": slave, redirected: subprocess.PIPE}
    with os.fdopen(master, "rb"):
        process = subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "run", "--config", str(SIM_CONFIG)],
            cwd=ROOT,
            start_new_session=True,
            **streams,
        )
        os.close(slave)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 78
    if redirected == "stderr":
        assert errors.startswith(b"hip3-tui: stderr is not a terminal")


# --- a key that does not fit, on a real terminal, with the simulator already started -----------------------------------------


def test_a_missing_key_leaves_no_simulator_and_no_traceback(tmp_path):
    config = written(tmp_path, old='{ type = "simulator" }', new='{ type = "env_var", var_name = "NO_SUCH_KEY" }')
    master, slave = os.openpty()
    with os.fdopen(master, "rb") as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "run", "--config", config],
            stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        )  # fmt: skip
        os.close(slave)
        said = b""
        try:
            while chunk := terminal.read1(4096):
                said += chunk
        except OSError:
            pass  # the last holder of the other end is gone: neither the program nor a child of it lives
        assert process.wait(30) == 78
    (line,) = said.decode().split("\r\n")[:-1]
    assert re.fullmatch(r"hip3-tui: .*own\.toml: .*NO_SUCH_KEY is not set.*", line)


# --- sim --------------------------------------------------------------------------------------------------------------------


@contextmanager
def served(*arguments: str, told: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "hip3_tui", "sim", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(told)
        process.stdin.flush()
        line = process.stdout.readline()
        match = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert match, line
        yield process, match[1]
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def asked(url: str, body: object) -> object:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_sim_serves_and_ends_politely():
    with served("--seed", "3") as (process, url):
        assert "BTC" in {m["name"] for m in asked(url + "/info", {"type": "meta"})["universe"]}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("sim", "--port", str(taken.getsockname()[1]))
    assert "in use" in said
    assert "--port 0 takes any free port" in said


def test_a_child_takes_its_settings_from_stdin_and_ends_with_it():
    account = "0x" + "ab" * 20
    settings = {"accounts": [account], "balance_usd": "777"}
    with served("--child", told=json.dumps(settings) + "\n") as (process, url):
        state = asked(url + "/info", {"type": "clearinghouseState", "user": account})
        assert float(state["marginSummary"]["accountValue"]) == 777
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_sim_takes_its_part_of_a_config(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr("core.runtime.sim_program.run_sim", lambda settings, *a, **k: seen.update(settings=settings))
    account = "0x" + "cd" * 20
    config = written(tmp_path, f'[account]\naddress = "{account}"\n')
    assert called("sim", "--config", config, "--network", "mainnet").exit_code == 0
    assert (seen["settings"].seed, seen["settings"].network, seen["settings"].accounts) == (2, "mainnet", (account,))
    assert called("sim", "--config", config, "--seed", "0").exit_code == 0
    assert seen["settings"].seed == 0


def test_sim_refuses_a_broken_config():
    assert "no such config file" in refused("sim", "--config", "/no/such.toml")


# --- what is loaded when ------------------------------------------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*{{m.split('.')[0] for m in sys.modules}})"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


SLOW = {"textual", "aiohttp", "websockets", "coincurve", "eth_account", "asyncio", "sqlite3"}


def test_the_command_line_itself_loads_nothing_slow():
    assert not SLOW & loaded_by("import hip3_tui.cli")


def test_every_command_is_where_the_table_says():
    group = cli.main
    assert isinstance(group, click.Group)
    context = click.Context(group)
    for name in cli.COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
    assert group.get_command(context, "no-such-command") is None


def test_the_simulators_process_is_started_before_anything_slow():
    assert not SLOW & loaded_by("import core.runtime.config_file, core.runtime.sim_process")


def test_the_first_frame_waits_for_no_network_library():
    loaded = loaded_by("import core.runtime.assembly, hip3_tui.app, hip3_tui.driver")
    assert "textual" in loaded
    assert not {"aiohttp", "websockets", "eth_account"} & loaded
