"""The engine's TLS: the same bytes, the same refusals, and the interpreter back at once."""

from __future__ import annotations

import contextlib
import ssl
import sys
import threading
from typing import Any

import pytest
from certificates import Certificates

from core.runtime import quick_tls
from core.runtime.precedence import SWITCH_INTERVAL_S, WAKING_INTERVAL_S

SHORT, LONG = pytest.approx(WAKING_INTERVAL_S), pytest.approx(SWITCH_INTERVAL_S)


class Pair:
    """Two ends in memory, hands shaken."""

    def __init__(self, ours: ssl.SSLContext, theirs: ssl.SSLContext, name: str = "localhost") -> None:
        self.to_us, self.to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = ours.wrap_bio(self.to_us, self.to_them, server_hostname=name)
        self.server = theirs.wrap_bio(self.to_them, self.to_us, server_side=True)
        for _ in range(4):
            for end in (self.client, self.server):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def pair(made: Certificates) -> Pair:
    ours = quick_tls.context()
    ours.load_verify_locations(made.authority)
    return Pair(ours, made.signed("good", "DNS:localhost"))


@pytest.fixture(autouse=True)
def _the_time_stays_as_it_was() -> Any:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_what_is_written_is_read_both_ways(pair: Pair) -> None:
    assert pair.client.write(b"an order") == 8
    assert pair.server.read(100) == b"an order"
    pair.server.write(b"a fill")
    assert pair.client.read(100) == b"a fill"
    pair.server.write(b"a quote")
    buffer = bytearray(100)
    assert pair.client.read(100, buffer) == 7
    assert buffer[:7] == b"a quote"


def said_at_the_end(pair: Pair) -> str:
    """No bytes, or an error, as the OpenSSL has it that this Python was built with."""
    pair.to_us.write_eof()
    try:
        return repr(pair.client.read(100))
    except ssl.SSLError as e:
        return type(e).__name__


def test_nothing_to_read_and_an_end_are_said_as_the_library_says_them(pair: Pair, made: Certificates) -> None:
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.read(100)
    assert sys.getswitchinterval() == LONG
    plain = ssl.create_default_context(cafile=str(made.authority))
    expected = said_at_the_end(Pair(plain, made.signed("good", "DNS:localhost")))
    assert expected in ("b''", "SSLEOFError")
    assert said_at_the_end(pair) == expected


def test_the_short_time_is_set_for_the_call_alone(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float]] = []

    def see(frame: Any, event: str, arg: Any) -> None:
        if event.startswith("c_") and arg.__name__ in ("read", "write") and not isinstance(arg.__self__, ssl.MemoryBIO):
            seen.append((f"{arg.__name__} {event}", sys.getswitchinterval()))

    pair.server.write(b"a fill")
    sys.setprofile(see)
    try:
        pair.client.write(b"an order")
        after_write = sys.getswitchinterval()
        pair.client.read(100)
        after_read = sys.getswitchinterval()
    finally:
        sys.setprofile(None)
    assert [name for name, _ in seen] == ["write c_call", "write c_return", "read c_call", "read c_return"]
    assert [time for _, time in seen] == [SHORT] * 4
    assert (after_write, after_read) == (LONG, LONG)


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example"])
def test_who_cannot_prove_the_name_is_not_spoken_to(made: Certificates, name: str) -> None:
    """An authority that the system does not know; and one that it knows, for another host."""
    ours = quick_tls.context()
    if name != "localhost":
        ours.load_verify_locations(made.authority)
    with pytest.raises(ssl.SSLCertVerificationError):
        Pair(ours, made.signed("other", "DNS:localhost"), name)


def test_it_is_the_systems_own_context_but_for_that() -> None:
    ours, plain = quick_tls.context(), ssl.create_default_context()
    assert (ours.verify_mode, ours.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (ours.options, ours.minimum_version, ours.verify_flags) == (
        plain.options,
        plain.minimum_version,
        plain.verify_flags,
    )


def test_another_thread_that_wants_the_interpreter_gets_it_meanwhile_and_gives_it_back(pair: Pair) -> None:
    """Not a matter of time: the writes are all there, whatever the other one does."""
    stop = threading.Event()
    busy = threading.Thread(target=lambda: [sum(range(500)) for _ in iter(stop.is_set, True)])
    busy.start()
    try:
        for i in range(200):
            pair.client.write(b"%03d" % i)
    finally:
        stop.set()
        busy.join()
    got = b""
    while len(got) < 600:
        got += pair.server.read(10_000)
    assert got == b"".join(b"%03d" % i for i in range(200))
