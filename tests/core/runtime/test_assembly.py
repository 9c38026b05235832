"""The whole program without a console: our own simulator, real sockets, real signatures. Each in a process of its own, as it ends one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import ConfigError
from core.runtime.assembly import assemble
from core.runtime.config_file import load_config

SIM_CONFIG = Path(__file__).parents[3] / "config" / "sim.toml"

PROGRAM = """
import sys, time
from pathlib import Path
from core.messages.commands import TripHardStop
from core.runtime.assembly import assemble
from core.runtime.config_file import load_config
from core.runtime.sim_process import SimProcess, own_simulator
config = load_config(Path(sys.argv[1]))
simulator = own_simulator(config)
{before}
program = assemble(config, sys.argv[1], simulator, state_dir=Path(sys.argv[2]))
def until(holds):
    end = time.monotonic() + 30
    while not program.engine.is_done and not ((s := program.engine.latest) and holds(s)):
        assert time.monotonic() < end, program.engine.latest
        time.sleep(0.02)
{then}
program.lifecycle.finish()
"""


def run_program(
    tmp_path: Path, then: str, before: str = "", config: Path = SIM_CONFIG
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(then=then, before=before), str(config), str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def log_of(tmp_path: Path) -> str:
    (path,) = tmp_path.rglob("console.log")
    return path.read_text(encoding="utf-8")


def test_it_gets_ready_and_ends_flat_with_the_simulator(tmp_path):
    done = run_program(
        tmp_path, "until(lambda s: s.ready.is_ready)\nprint(simulator.pid, program.engine.latest.run, flush=True)"
    )
    assert done.returncode == 0, done.stderr
    assert "flat confirmed" in done.stderr
    pid, _, run = done.stdout.partition(" ")
    assert "network='simulator', mode='trading'" in run
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    log = log_of(tmp_path)
    lines = [
        "Config loaded: ",
        "Network: SIMULATOR (ws://127.0.0.1:0/ws)",
        "Mode: trading",
        "Signer address: 0xf39fd6",
        'Allowed markets: ["xyz:SNDK", ',
        "Safety guards: testnet_only=false, max_notional=50 USD",
    ]
    places = [log.index(line) for line in lines]
    assert places == sorted(places)
    # Its stdin ends and a TERM follows at once; which of the two it dies of is a matter of luck.
    assert "simulator ended, code 0" in log or "simulator ended, code -15" in log


def test_a_new_connection_makes_the_questions_of_the_one_before_it_void(tmp_path):
    counted = """
from core.runtime.info_client import InfoClient
forgotten, forget = [], InfoClient.forget
InfoClient.forget = lambda client: (forgotten.append(1), forget(client))
"""
    done = run_program(tmp_path, "until(lambda s: s.ready.is_ready)\nprint(len(forgotten), flush=True)", counted)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"


def test_a_stop_before_the_simulator_listens_is_orderly(tmp_path):
    done = run_program(tmp_path, "program.lifecycle.begin_exit(0, 'changed my mind')")
    assert done.returncode == 0, done.stderr
    assert "nothing was traded" in done.stderr or "flat" in done.stderr


def test_a_simulator_that_dies_at_once_refuses_the_start(tmp_path):
    before = "simulator.stop(); simulator = SimProcess(b'{}', (sys.executable, '-c', 'import sys; sys.exit(\\'no memory\\')'))"
    done = run_program(tmp_path, "until(lambda s: False)", before)
    assert done.returncode == 78, done.stderr
    assert "refused to start: the simulator ended with code 1: no memory" in done.stderr


def test_a_simulator_that_dies_later_is_a_hard_stop_and_is_logged(tmp_path):
    then = """
import os, signal
until(lambda s: s.ready.is_ready)
os.kill(simulator.pid, signal.SIGKILL)
until(lambda s: s.hard_stop.tripped)
print(program.engine.latest.hard_stop.reason, flush=True)
program.lifecycle.insist()
"""
    done = run_program(tmp_path, then)
    assert "disconnect" in done.stdout.lower(), done.stdout + done.stderr
    assert "simulator died, code -9" in log_of(tmp_path)


def config_with(tmp_path: Path, key_source: str, address: str = "") -> Path:
    text = SIM_CONFIG.read_text(encoding="utf-8").replace('{ type = "simulator" }', key_source + "\n" + address)
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("key_source", "address", "said"),
    [
        ('{ type = "env_var", var_name = "NO_SUCH_KEY" }', "", "environment variable NO_SUCH_KEY is not set"),
        ('{ type = "file", path = "missing" }', "", r"key file .*missing cannot be read"),
        (
            '{ type = "simulator" }',
            'address = "0x' + "11" * 20 + '"',
            r"signer\.address: expected 0x1{40}, but the key derives",
        ),
    ],
)
def test_a_key_that_does_not_fit_is_named_with_the_config(tmp_path, key_source, address, said):
    path = config_with(tmp_path, key_source, address)
    with pytest.raises(ConfigError, match=rf"own\.toml: .*{said}"):
        assemble(load_config(path), str(path), state_dir=tmp_path)


def test_on_a_real_network_nobody_may_leave_preflight_out(tmp_path):
    config = tmp_path / "mainnet.toml"
    config.write_text(
        'ws_url = "wss://api.hyperliquid.xyz/ws"\ninfo_url = "https://api.hyperliquid.xyz/info"\nmode = "trading"\n'
        '[[markets]]\ncoin = "BTC"\n[signer]\nkey_source = { type = "env_var", var_name = "K" }\n'
        f'[account]\naddress = "0x{"ab" * 20}"\n[safety]\nmainnet = true\n'
    )
    with pytest.raises(AssertionError, match="on a real network nothing begins without preflight"):
        assemble(load_config(config), str(config), state_dir=tmp_path, preflight=False)


def test_a_config_that_is_not_filled_in_starts_nothing(tmp_path):
    shipped = SIM_CONFIG.with_name("mainnet_micro.toml")
    with pytest.raises(ConfigError, match=r"account\.address: still the placeholder"):
        assemble(load_config(shipped), str(shipped), state_dir=tmp_path)
