"""Everything that is said between the parts survives being written down, field for field; and a line of a tape that was damaged is a
TapeError, never a surprise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from config_strategies import valid_configs
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec import Struct
from property_budget import examples
from struct_strategies import structs_of, values_of

from core.messages import commands, effects, events, queries
from core.messages.commands import AnyCommand, Command
from core.messages.effects import Effect, JournalRow
from core.messages.events import AnyEvent, Event
from core.messages.queries import Query
from core.messages.recovered import Recovered
from core.messages.snapshot import RunInfo
from core.messages.tape import Start, TapeError, Turn, decode_start, decode_turn, encode_start, encode_turn

UNIONS: tuple[Any, ...] = (AnyEvent, AnyCommand, Effect, JournalRow, Query)
EACH = [(union, kind) for union in UNIONS for kind in get_args(union)]


@examples(4)
@pytest.mark.parametrize(("union", "kind"), EACH, ids=[kind.__name__ for _, kind in EACH])
@given(data=st.data())
def test_each_message_survives_json(union: Any, kind: type[Struct], data: st.DataObject) -> None:
    """Decoded as the union, so that the tag too must find its way back."""
    message = data.draw(values_of(kind))
    again = msgspec.json.decode(msgspec.json.encode(message), type=union)
    assert type(again) is kind
    assert again == message
    assert msgspec.json.encode(again) == msgspec.json.encode(message)


@pytest.mark.parametrize(("module", "base", "union"), [(events, Event, AnyEvent), (commands, Command, AnyCommand)])
def test_no_message_is_missing_from_its_union(module: Any, base: type, union: Any) -> None:
    """One that is missing would be written and never read."""
    defined = {v for v in vars(module).values() if isinstance(v, type) and issubclass(v, base) and v is not base}
    assert defined == set(get_args(union))


def test_no_effect_or_query_is_missing_from_its_union() -> None:
    for module, base, union in ((effects, effects._Effect, Effect), (queries, queries._Query, Query)):
        defined = {v for v in vars(module).values() if isinstance(v, type) and issubclass(v, base) and v is not base}
        assert defined == set(get_args(union))


def test_tags_of_one_union_differ() -> None:
    for union in (*UNIONS, AnyEvent | AnyCommand):
        tags = [kind.__struct_config__.tag for kind in get_args(union)]
        assert len(tags) == len(set(tags))


# --- tape -----------------------------------------------------------------------------------------------------------------

turns = st.builds(
    Turn,
    now_ms=st.integers(0, 2**53),
    message=values_of(AnyEvent) | values_of(AnyCommand),
    effects=st.lists(values_of(Effect), max_size=3).map(tuple),
    error=st.just("") | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
starts = st.builds(
    Start,
    config=valid_configs(),
    run=structs_of(RunInfo),
    recovered=structs_of(Recovered),
    now_ms=st.integers(0, 2**53),
)


def line_of(turn: Turn) -> bytes:
    return encode_turn(turn.now_ms, turn.message, turn.effects, turn.error)


@given(turns)
def test_a_turn_reads_back_as_it_was_written(turn: Turn) -> None:
    line = line_of(turn)
    assert b"\n" not in line, "one turn, one line"
    again = decode_turn(line, 2)
    assert again == turn
    assert line_of(again) == line


@examples(12)
@given(starts)
def test_a_start_reads_back_as_it_was_written(start: Start) -> None:
    line = encode_start(start)
    assert b"\n" not in line
    assert decode_start(line) == start
    assert encode_start(decode_start(line)) == line


def read_or_refused(read: Callable[[], Any]) -> tuple[Any, str]:
    """What was read, or the text of the one error that is allowed."""
    try:
        return read(), ""
    except TapeError as e:
        return None, str(e)


@st.composite
def damaged(draw: st.DrawFn, line: bytes) -> bytes:
    """A line with a few bytes lost, doubled, changed or put in."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line)))
        until = draw(st.integers(at, min(len(line), at + 6)))
        put = draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"null", b"[", b"{}", b"-", b"9" * 40, b"e999", b"\\ud800"])
        )
        line = line[:at] + draw(st.sampled_from([b"", put, line[at:until] * 2])) + line[until:]
    return line


@examples(40)
@given(turns, st.data())
def test_a_damaged_turn_is_a_turn_or_a_tape_error_that_names_its_line(turn: Turn, data: st.DataObject) -> None:
    line = data.draw(damaged(line_of(turn)))
    again, error = read_or_refused(lambda: decode_turn(line, 17))
    event("refused" if error else "readable all the same")
    assert error.startswith("line 17: ") if error else decode_turn(line_of(again), 17) == again


@examples(12)
@given(starts, st.data())
def test_a_damaged_start_is_a_start_or_a_tape_error(start: Start, data: st.DataObject) -> None:
    line = data.draw(damaged(encode_start(start)))
    again, error = read_or_refused(lambda: decode_start(line))
    event("refused" if error else "readable all the same")
    assert error.startswith("line 1: ") if error else decode_start(encode_start(again)) == again


@given(
    st.binary(max_size=60) | st.sampled_from([b"", b"[" * 5000, b'{"a":' * 5000, b"null", b"[]", b"[1]", b"\xff\xfe"])
)
def test_what_was_never_a_tape_is_a_tape_error(line: bytes) -> None:
    for read in (decode_start, lambda text: decode_turn(text, 3)):
        with pytest.raises(TapeError, match=r"^line [13]: "):
            read(line)


@pytest.mark.parametrize("ids", [b'"oid":1,"cloid":"0x"', b'"oid":null,"cloid":null'], ids=["both", "neither"])
def test_a_value_that_never_was_is_a_tape_error_not_our_own_mistake(ids: bytes) -> None:
    """A cancel names an oid or a cloid; in our hands anything else is an assert, in a damaged file it is the file's fault."""
    cancel = b'{"market":{"dex":"","coin":"BTC"},' + ids + b"}"
    batch = b'{"type":"Cancels","cancels":[' + cancel + b"]}"
    post = b'{"type":"Post","post_id":1,"nonce":1,"batch":' + batch + b',"expires_after_ms":null}'
    with pytest.raises(TapeError, match=r"^line 2: "):
        decode_turn(b'[1,{"type":"Tick"},[' + post + b"]]", 2)
