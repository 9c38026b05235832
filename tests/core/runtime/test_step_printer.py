"""Steps are printed in order with their time, and a reader who does not read holds up nobody."""

from __future__ import annotations

import io
import json
import os

from core.runtime.clock import ManualClock
from core.runtime.step_printer import StepPrinter


def test_for_people() -> None:
    clock, out = ManualClock(), io.StringIO()
    printer = StepPrinter(clock, out=out)
    printer.tell(["HEAD", "more"], {"head": 1})
    printer.say("first")
    clock.advance(1_234)
    printer.say("second")
    assert printer.close()
    assert out.getvalue().splitlines() == ["HEAD", "more", "+  0.00 s  first", "+  1.23 s  second"]


def test_for_programs() -> None:
    clock, out = ManualClock(), io.StringIO()
    printer = StepPrinter(clock, as_json=True, out=out)
    clock.advance(500)
    printer.say("first")
    printer.tell(["HEAD"], {"confirmed": True})
    assert printer.close()
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"at_s": 0.5, "step": "first"},
        {"confirmed": True},
    ]


def test_a_reader_who_does_not_read_holds_up_nobody() -> None:
    reader, writer = os.pipe()
    printer = StepPrinter(ManualClock(), out=os.fdopen(writer, "w"))
    for _ in range(5_000):
        printer.say("x" * 100)
    assert not printer.close(), "the pipe took all of it"
    os.close(reader)  # frees the thread


def test_a_reader_who_is_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = os.fdopen(writer, "w")
    printer = StepPrinter(ManualClock(), out=out)
    printer.say("one")
    printer.say("two")
    assert printer.close()
