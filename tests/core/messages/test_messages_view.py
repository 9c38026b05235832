"""What another window is sent and what it may ask: frames, the greeting, the brakes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import snapshots_for_tests as made
from hypothesis import given
from hypothesis import strategies as st

from core.messages.commands import (
    CancelAll,
    CancelExternal,
    CancelOrder,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    ResetHardStop,
    Shutdown,
    TripHardStop,
)
from core.messages.view import (
    HEAD,
    Frames,
    Greeting,
    ViewError,
    frame,
    only_brakes,
    read_command,
    read_greeting,
    read_snapshot,
)
from core.model.cloid import Cloid
from core.model.market import MarketKey

BRAKES = (
    FlattenAll(command_id="1"),
    FlattenMarket(command_id="2", market=MarketKey.parse("xyz:SNDK")),
    CancelAll(command_id="3"),
    CancelOrder(command_id="4", cloid=Cloid("0x68697033000000030000000000000001")),
    CancelExternal(command_id="4b", oid=81234500041),
    TripHardStop(command_id="5", who="ada", reason="seen from the train"),
    PauseEntries(command_id="6", paused=True),
)
NOT_FOR_A_WINDOW = (
    ResetHardStop(command_id="7", reason="why not", override=True),
    Shutdown(command_id="8", reason="gone"),
    PauseEntries(command_id="9", paused=False),
)


@pytest.mark.parametrize("snapshot", [made.snapshot(), made.hard_stopped(), made.connecting()])
def test_a_snapshot_arrives_as_it_was_sent(snapshot):
    (data,) = Frames().feed(frame(snapshot))
    assert read_snapshot(data) == snapshot


@pytest.mark.parametrize("command", BRAKES, ids=lambda c: type(c).__name__)
def test_brakes_pass(command):
    (data,) = Frames().feed(frame(command))
    assert only_brakes(command)
    assert read_command(data) == command


@pytest.mark.parametrize("command", NOT_FOR_A_WINDOW, ids=lambda c: type(c).__name__)
def test_whatever_takes_a_brake_off_is_refused(command):
    (data,) = Frames().feed(frame(command))
    assert not only_brakes(command)
    with pytest.raises(ViewError):
        read_command(data)


@given(st.lists(st.integers(1, 60), max_size=40))
def test_frames_come_out_whole_however_they_are_cut(cuts):
    commands = [FlattenAll(command_id=str(n)) for n in range(4)]
    stream, frames, found, at = b"".join(frame(c) for c in commands), Frames(), [], 0
    for cut in [*cuts, len(stream)]:
        found += frames.feed(stream[at : at + cut])
        at += cut
    assert [read_command(data) for data in found] == commands


def test_a_frame_that_is_larger_than_any_is_refused_before_it_has_come():
    with pytest.raises(ViewError, match="at most 100"):
        Frames(100).feed((101).to_bytes(HEAD, "big"))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x93\x01\x02\x03", msgspec.msgpack.encode({"type": "FlattenAll"})])
def test_bytes_that_are_nothing_of_ours(data):
    for read in (read_snapshot, read_command, lambda d: read_greeting(d, "0.1.0")):
        with pytest.raises(ViewError):
            read(data)


def test_another_version_is_told_from_the_same():
    (data,) = Frames().feed(frame(Greeting("0.1.0", 17)))
    assert read_greeting(data, "0.1.0").pid == 17
    with pytest.raises(ViewError, match=r"version 0\.1\.0, this is 0\.2\.0"):
        read_greeting(data, "0.2.0")


@pytest.mark.parametrize("read", [read_command, read_snapshot, lambda data: read_greeting(data, "1")])
@pytest.mark.parametrize(
    "data",
    [b"\x81\xa4type\xa3\xff\xfe\xfd", b"\x81\xa2\xff\xff\x01", b"\x91" * 100_000 + b"\x01", b"\x81\xa4type" * 100_000],
    ids=["a value no UTF-8", "a key no UTF-8", "lists without end", "objects without end"],
)
def test_bytes_that_are_no_text_or_go_on_for_ever_are_an_error_like_any_other(read: Any, data: bytes) -> None:
    with pytest.raises(ViewError):
        read(data)


def test_what_a_window_sent_is_quoted_on_one_line_if_at_all() -> None:
    with pytest.raises(ViewError) as refused:
        read_command(msgspec.msgpack.encode({"type": "Flatten\nAll\x1b[2J" + "x" * 2_000}))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500
