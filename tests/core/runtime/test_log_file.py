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


def test_it_is_its_owners_alone_whatever_the_folder_and_what_was_there(tmp_path):
    path = tmp_path / "console.log"
    tmp_path.chmod(0o755)
    subprocess.run(["sh", "-c", f'umask 022; exec "{sys.executable}" -c "$0" "{path}"', NOISE], check=True)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    subprocess.run([sys.executable, "-c", NOISE, str(path)], check=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().count("a line with an argument") == 2, "it is written on"


def test_the_files_it_turns_over_to_are_as_private(tmp_path):
    path = tmp_path / "console.log"
    much = NOISE.replace("stop()", "for n in range(40): logging.getLogger('x').info('%s', 'y' * 1000)\nstop()")
    much = much.replace("stop = ", "import core.runtime.log_file as l; l.MAX_BYTES = 10_000\nstop = ")
    subprocess.run(["sh", "-c", f'umask 0; exec "{sys.executable}" -c "$0" "{path}"', much], check=True)
    kept = list(tmp_path.glob("console.log*"))
    assert len(kept) > 1
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
