"""What the kernel shows of a process that holds a key: each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import parse_config
from core.runtime.hardening import environ_without_secrets

LINUX = sys.platform == "linux"
VALUE = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
CONFIG = """
ws_url = "ws://127.0.0.1:9/ws"
info_url = "http://127.0.0.1:9/info"
mode = "trading"
[[markets]]
coin = "BTC"
[signer]
key_source = { type = "env_var", var_name = "OUR_KEY" }
[guard]
key_source = { type = "env_var", var_name = "GUARD_KEY" }
[alerts]
urls_env = ["OUR_URLS"]
"""


def run(code: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_no_core_file_and_no_look_inside() -> None:
    said = run(
        "import resource, ctypes\n"
        "from core.runtime.hardening import keep_out_of_core_files\n"
        "print(keep_out_of_core_files(), keep_out_of_core_files())\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if hasattr(ctypes.CDLL(None), 'prctl') else 0)\n"
    )
    assert said.splitlines() == ["() ()", "(0, 0)", "0"]


def test_a_crash_of_the_interpreter_itself_leaves_no_core(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, resource, signal\n"
            "from core.runtime.hardening import keep_out_of_core_files\n"
            f"os.chdir({str(tmp_path)!r})\n"
            "keep_out_of_core_files()\n"
            "os.kill(os.getpid(), signal.SIGSEGV)\n",
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -11
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_done_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.runtime import hardening

    def refuse(*args: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(hardening.resource, "setrlimit", refuse)
    monkeypatch.setattr(hardening.ctypes, "CDLL", lambda *args, **kwargs: object())
    left = hardening.keep_out_of_core_files()
    assert left[0] == "core files cannot be switched off: not allowed to raise maximum limit"
    assert len(left) == (2 if LINUX else 1)


def test_a_wiped_variable_is_gone_from_us_from_proc_and_from_children() -> None:
    said = run(
        "import os, subprocess, sys\n"
        "from core.runtime.hardening import wipe_variable\n"
        f"before = {VALUE[:20]!r} in open('/proc/self/environ').read() if os.path.exists('/proc/self/environ') else True\n"
        "print(before, wipe_variable('OUR_KEY'), wipe_variable('OUR_KEY'))\n"
        "shown = open('/proc/self/environ').read() if os.path.exists('/proc/self/environ') else ''\n"
        f"print({VALUE[:16]!r} in shown, {VALUE[-16:]!r} in shown, 'OTHER=kept' in shown or not shown)\n"
        "child = subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.environ))'], capture_output=True, text=True)\n"
        "print('OUR_KEY' in child.stdout, 'OTHER' in child.stdout, 'OUR_KEY' in os.environ)\n",
        OUR_KEY=VALUE,
        OTHER="kept",
    )
    assert said.splitlines() == ["True True False", "False False True", "False True False"]


def test_a_child_gets_neither_keys_nor_urls() -> None:
    config = parse_config(CONFIG, "c")
    environ = {"OUR_KEY": "a", "GUARD_KEY": "b", "OUR_URLS": "c", "PATH": "d"}
    assert environ_without_secrets(config, environ) == {"PATH": "d"}


def test_what_was_read_for_the_last_time_is_wiped_all_of_it() -> None:
    said = run(
        "import os\n"
        "from core.config import parse_config\n"
        "from core.runtime.hardening import wipe_key_variables\n"
        f"wipe_key_variables(parse_config({CONFIG!r}, 'c'))\n"
        "print([name for name in ('OUR_KEY', 'GUARD_KEY', 'OUR_URLS') if name in os.environ])\n",
        OUR_KEY=VALUE,
        GUARD_KEY=VALUE,
        OUR_URLS="ntfy://x",
    )
    assert said.strip() == "[]"


def test_reading_a_real_key_is_enough_to_be_kept_out_of_core_files(tmp_path: Path) -> None:
    """Whichever command reads it: stop, guard and order have no assembly of the console's."""
    file = tmp_path / "key"
    file.write_text(VALUE)
    file.chmod(0o600)
    said = run(
        "import resource\n"
        "from core.config import FileKey, Network\n"
        "from core.runtime.keys import load_key\n"
        f"load_key(FileKey(path={str(file)!r}), Network.TESTNET)\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    assert said.strip() == "(0, 0)"
