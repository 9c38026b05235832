"""What is kept of a crash, and that an engine nobody sees is stopped."""

from __future__ import annotations

import threading

from core.messages.exit_codes import ExitCode
from hip3_tui.crash import Crash


class Life:
    exiting = False

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []
        self.told = threading.Event()

    def begin_exit(self, code: int, reason: str) -> None:
        self.asked.append((code, reason))
        self.told.set()

    def insist(self) -> None: ...


def fault() -> Exception:
    secret = "value-of-a-variable"
    try:
        raise ValueError(f"a pane {len(secret)}")
    except ValueError as e:
        return e


def test_the_report_has_the_traceback_and_no_values(tmp_path):
    crash = Crash(tmp_path / "crash.txt", Life())
    crash.noted(fault())
    crash.taken_over()
    text = (tmp_path / "crash.txt").read_text()
    assert "ValueError: a pane 19" in text
    assert "in fault" in text
    assert "value-of-a-variable" not in text.replace('secret = "value-of-a-variable"', "")
    assert (tmp_path / "crash.txt").stat().st_mode & 0o777 == 0o600
    assert crash.why == "ValueError: a pane 19"
    assert crash.report == str(tmp_path / "crash.txt")


def test_the_first_crash_counts(tmp_path):
    crash = Crash(tmp_path / "crash.txt", Life())
    crash.noted(fault())
    crash.noted(KeyError("echo"))
    crash.taken_over()
    assert crash.why.startswith("ValueError")


def test_a_report_that_cannot_be_written_is_not_another_crash(tmp_path):
    crash = Crash(tmp_path / "no" / "such" / "crash.txt", Life())
    crash.noted(fault())
    crash.taken_over()
    assert crash.report == ""
    assert crash.why


def test_when_nothing_takes_over_the_engine_is_stopped(tmp_path):
    life = Life()
    Crash(tmp_path / "crash.txt", life, unseen_s=0.01).noted(fault())
    assert life.told.wait(5)
    assert life.asked == [(ExitCode.CRASH, "the console crashed and nothing took its place")]


def test_when_something_does_it_is_not(tmp_path):
    life = Life()
    crash = Crash(tmp_path / "crash.txt", life, unseen_s=0.2)
    crash.noted(fault())
    crash.taken_over()
    assert not life.told.wait(0.4)
