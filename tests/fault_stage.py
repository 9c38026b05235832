"""What a story about a fault needs: a venue, a program, the questions asked of both, and a house that plays several stories at once.

The venue's own view is the judge (/control), never what the program believes about itself.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from headless_driver import HeadlessProgram
from venue_driver import SimVenue, until

from core.config import SimConfig
from core.messages.commands import ResetHardStop
from core.messages.snapshot import Snapshot, TradingState

CONFIG = """
ws_url = "{ws}://{host}:{port}/ws"
info_url = "{http}://{host}:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = {{ type = "simulator" }}
[execution]
time_stop_ms = {time_stop_ms}
post_timeout_ms = {post_timeout_ms}
stop_grace_ms = {stop_grace_ms}
[risk]
position_sync_ms = {position_sync_ms}
ctx_stale_ms = 3000
"""
VENUE = SimConfig(seed=11, latency_min_ms=10, latency_max_ms=40, markets=(SimVenue.COIN,), ip_limits=False)
TIME_STOP_MS = 1_500
POST_TIMEOUT_MS = 800
BY_SIGTERM = 128 + signal.SIGTERM
AT_ONCE = 5


class Stage:
    """One story's venue and program, and what is asked of them again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venue = SimVenue(VENUE)
        self.port = self.venue.port
        """Where the program finds the venue; a road between them has another."""
        self.host = "127.0.0.1"
        self.is_tls = False
        self.program: HeadlessProgram
        self._programs: list[HeadlessProgram] = []
        self._first_fill = 0
        self.held_s: list[float] = []
        """How long the venue had each position open."""

    def start(
        self,
        *,
        time_stop_ms: int = TIME_STOP_MS,
        position_sync_ms: int = 5_000,
        stop_grace_ms: int = 15_000,
        is_to_be_ready: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start the program; a second one finds what the first has left on disk."""
        config = self.folder / "program.toml"
        config.write_text(
            CONFIG.format(
                ws="wss" if self.is_tls else "ws",
                http="https" if self.is_tls else "http",
                host=self.host,
                port=self.port,
                time_stop_ms=time_stop_ms,
                post_timeout_ms=POST_TIMEOUT_MS,
                stop_grace_ms=stop_grace_ms,
                position_sync_ms=position_sync_ms,
            )
        )
        self._first_fill = len(self.venue.fills())
        words = self.folder / f"stderr-{len(self._programs)}"
        self.program = HeadlessProgram(config, self.folder / "state", words, env)
        self._programs.append(self.program)
        if is_to_be_ready:
            self.wait_ready()

    # --- what stories are made of --------------------------------------------------------------------------------------------

    def wait_ready(self, timeout_s: float = 15) -> None:
        self.program.wait_until("ready", lambda s: s.ready.is_ready, timeout_s)

    def enter(self) -> None:
        """The venue has a position of ours when this returns."""
        self.venue.dislocate()
        until("an entry is filled", lambda: bool(self.venue.positions()), 10)
        self._entered_at = time.monotonic()
        self.venue.settle()

    def wait_flat(self, within_s: float) -> float:
        """The venue is flat when this returns. Returns how long the position was open, seconds."""
        until("the venue is flat", lambda: not self.venue.positions(), within_s)
        self.held_s.append(time.monotonic() - self._entered_at)
        return self.held_s[-1]

    def wait_time_stop(self, at_most_s: float = 1.5) -> None:
        """The TimeStop closes the position, and it did not come early."""
        held_s = self.wait_flat(TIME_STOP_MS / 1000 + at_most_s)
        assert held_s > TIME_STOP_MS / 1000 - 0.2, f"closed after {held_s:.2f} s already"

    def enter_and_leave(self) -> None:
        """Whatever happened before: it still trades."""
        self.enter()
        self.wait_time_stop()

    def wait_hard_stop(self, reason: str) -> None:
        """Latched, on screen and on disk; the venue is flat and the program knows it."""
        self.program.wait_said("HARD STOP done", 30)
        snapshot = self.program.snapshot()
        assert snapshot.hard_stop.tripped
        assert reason in snapshot.hard_stop.reason, snapshot.hard_stop.reason
        assert snapshot.state is not TradingState.ACTIVE
        assert self.venue.positions() == []
        assert reason in self.latch_on_disk()

    def latch_on_disk(self) -> str:
        (journal,) = (self.folder / "state").rglob("journal.db")
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT reason FROM latch WHERE tripped_at_ms IS NOT NULL").fetchone()
            return "" if row is None else str(row[0])

    def wait_fill_on_disk(self) -> None:
        """A kill loses what waits for the journal's next batch; this story is about what was written."""
        (journal,) = (self.folder / "state").rglob("journal.db")
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            deadline = time.monotonic() + 5
            while not db.execute("SELECT count(*) FROM fills").fetchone()[0]:
                assert time.monotonic() < deadline, "the fill is not in the journal"
                time.sleep(0.02)

    def reset(self) -> None:
        """The operator releases the latch, without the override."""
        self.wait_ready()
        self.program.send(ResetHardStop(command_id="reset", reason="the story goes on"))
        self.program.wait_until("the latch is released", lambda s: not s.hard_stop.tripped)
        assert self.latch_on_disk() == ""

    # --- what is true at the end of each ----------------------------------------------------------------------------------------

    def at_rest(self, *, missed: int = 0) -> Snapshot:
        """Flat, nothing under way, and the books agree to the cent; ``missed`` fills came before this program ran, and no other saw them."""

        def is_at_rest(s: Snapshot) -> bool:
            settled = all(o.is_settled for o in s.orders)
            queued = any(q.depth for q in s.queues)
            return not s.positions and settled and not queued and s.inflight.value == 0

        self.program.wait_until("at rest", is_at_rest, 20)
        earned = self.venue.earned(self._first_fill - missed)
        s = self.program.wait_until(f"realized is the venue's {earned}", lambda s: s.pnl.realized_usd == earned, 5)
        assert s.tally.posts_sent - s.tally.posts_completed == s.inflight.value == 0
        assert s.engine_error == ""
        truth = self.venue.truth()
        assert truth["positions"] == []
        assert truth["openOrders"] == []
        nonces = [a["nonce"] for a in truth["actions"] if a["accepted"]]
        assert nonces == sorted(set(nonces)), "nonces do not rise"
        return s

    def end(self, code: int = BY_SIGTERM) -> None:
        """SIGTERM ends it in order, whatever it has been through."""
        self.program.signal(signal.SIGTERM)
        assert self.program.wait_exit(20) == code, self.program.last_words
        assert ("NOT CONFIRMED" in self.program.last_words) == (code != BY_SIGTERM)

    def close(self) -> None:
        for program in self._programs:
            program.close()
        self.venue.kill()

    @property
    def record(self) -> str:
        return "\n\n".join(f"{p.trail}\n{p.last_words}" for p in self._programs)


Story = Callable[[Stage], None]


class Theatre:
    """Plays stories, `AT_ONCE` at a time.

    Args:
        folder: Each story gets a folder of its own in it.
        stories: What to begin with at once, in this order.
        ends: The program is ended in order after each story; False where the stories do that themselves.
    """

    def __init__(self, folder: Path, stories: Iterable[Story], *, ends: bool = True) -> None:
        self._ends = ends
        self._folder = folder
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._playing: dict[Story, Future[list[float]]] = {s: self._pool.submit(self._play, s) for s in stories}

    def result(self, story: Story) -> list[float]:
        """How long the venue had each position of the story open, or whatever went wrong in it."""
        playing = self._playing.get(story)
        return self._play(story) if playing is None else playing.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _play(self, story: Story) -> list[float]:
        folder = self._folder / story.__name__
        folder.mkdir()
        stage = Stage(folder)
        try:
            story(stage)
            if self._ends:
                stage.end()
        except BaseException as e:
            e.add_note(stage.record)
            raise
        finally:
            stage.close()
        return stage.held_s
