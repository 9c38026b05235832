"""Everything that is logged, warned of, or printed by a dying thread goes to the file, and nothing to stderr.

Played in a process of its own: the log changes the whole process.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import ConfigError
from core.runtime.log_file import start_log

NOISE = """
import logging, sys, threading, warnings
from pathlib import Path
from core.runtime.log_file import start_log
stop = start_log(Path(sys.argv[1]))
logging.getLogger("core.somewhere").info("a line with %s", "an argument")
logging.getLogger("core.somewhere").debug("not at this level")
logging.getLogger("websockets.client").info("chatter")
warnings.warn("something is deprecated")
def die():
    raise ValueError("thread gone")
thread = threading.Thread(target=die, name="doomed"); thread.start(); thread.join()
class Unraisable:
    def __del__(self):
        raise ValueError("nobody catches this")
Unraisable()
logging.getLogger("core.somewhere").info("wrong %d", "argument")
stop()
"""


def test_all_of_it_is_in_the_file_and_none_on_stderr(tmp_path):
    path = tmp_path / "console.log"
    done = subprocess.run([sys.executable, "-c", NOISE, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
    written = path.read_text(encoding="utf-8")
    for expected in (
        "a line with an argument", "something is deprecated", "thread doomed died", "ValueError: thread gone", "nobody catches this",
    ):  # fmt: skip
        assert expected in written
    assert "not at this level" not in written
    assert "chatter" not in written


def test_lines_carry_utc_and_thread(tmp_path):
    path = tmp_path / "console.log"
    subprocess.run([sys.executable, "-c", NOISE, str(path)], env={"TZ": "Asia/Tokyo"}, check=True)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO     MainThread core\.somewhere: a line", first)


def test_a_log_that_cannot_be_opened(tmp_path):
    with pytest.raises(ConfigError, match=r"the log .* cannot be opened: (Is a directory|No such file)"):
        start_log(Path(tmp_path))
