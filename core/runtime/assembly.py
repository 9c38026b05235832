"""From a config to a program that runs: every part made, joined and started, in the order that lets it end well again.

Decides nothing about trading. Knows no console: it hands out the engine's handle and the life cycle, and whoever has them draws.
Easy to get wrong, all of it about order: the simulator's process first, it loads while we do; then the signals, before any thread; then
log, journal, engine. And nothing may be waited for here, or the first frame comes late: the engine's own thread waits for that frame and
for the simulator, and loads the libraries that only it needs.

SPEC 9; DESIGN "Hosting".
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import msgspec

import core
from core.config import Config, ConfigError, Network
from core.config_warnings import unfinished
from core.messages.commands import StartTrading
from core.messages.events import AnyEvent, Connected
from core.messages.exit_codes import ExitCode
from core.messages.snapshot import RunInfo
from core.messages.tape import Start
from core.runtime.account_lock import AccountLock
from core.runtime.beside import Beside, open_beside
from core.runtime.clock import Clock, SystemClock
from core.runtime.cloid_space import new_space
from core.runtime.engine_thread import Ending, EngineThread, describe
from core.runtime.hardening import keep_out_of_core_files, wipe_key_variables
from core.runtime.journal import Journal, JournalError
from core.runtime.journal_open import open_journal
from core.runtime.keys import TEST_ADDRESS, KeyManager, SigningKeyError, open_keys
from core.runtime.lifecycle import Lifecycle
from core.runtime.log_file import start_log
from core.runtime.memory_watch import watch_memory
from core.runtime.paths import RunPaths, run_paths
from core.runtime.sim_process import SimProcess, SimProcessError
from core.runtime.start_lines import start_lines
from core.runtime.view_server import ViewServer

if TYPE_CHECKING:
    from core.runtime.preflight import PreflightDesk

_log = logging.getLogger(__name__)

FIRST_FRAME_WITHIN_S = 2.0
"""A console that draws nothing for this long is no reason not to trade, or rather: not to be able to close what is open."""
_LOOK_EVERY_S = 0.01
ENGINE_GRACE_S = 5.0
"""Beyond the engine's own limit for getting flat, so that it says itself that it failed: reconnects and the closing of the journal."""


@dataclass(frozen=True)
class Program:
    """What the console is given, and where the files are."""

    engine: EngineThread
    lifecycle: Lifecycle
    paths: RunPaths
    first_frame: threading.Event
    """For the console to set: until then, within a bound, the engine's thread loads nothing, because both at once would be seen late."""
    run: RunInfo
    """What the console can say before the engine has said anything; the port of our own simulator is not known yet."""
    preflight: PreflightDesk | None = None
    """Waits for the operator's word; None: nothing waits."""
    start_lines: tuple[str, ...] = ()
    """What the plan wants to see first (3.5, 3.6)."""


def assemble(
    config: Config,
    config_source: str,
    simulator: SimProcess | None = None,
    restore_terminal: Callable[[], None] = lambda: None,
    state_dir: Path | None = None,
    *,
    what: str = "console",
    by_hand: bool = False,
    preflight: bool = True,
    meanwhile: Callable[[], None] | None = None,
) -> Program:
    """Make and start everything but the console. In the main thread, before any other thread.

    Args:
        config: Read and checked.
        config_source: Its file, as the operator named it.
        simulator: Our own, already started, if the config asks for one.
        restore_terminal: Puts the terminal back if the console cannot.
        state_dir: Where state goes; default the user's own state directory.
        what: The program, for a second one that wants the same account.
        preflight: False: nobody is asked before trading begins. Only on our own simulator: a drill rehearses something else.
        by_hand: No entries of its own, no time stop, and everything is left open at the end (`RunInfo.by_hand`).
        meanwhile: What the caller has to load for its screen. Done while the journal waits for the disk; what is refused is refused all the same.

    Raises:
        ConfigError: Key, journal or log cannot be used. Nothing was started that is still running, except the simulator.
    """
    assert preflight or config.network is Network.SIMULATOR, "on a real network nothing begins without preflight"
    if missing := unfinished(config):
        raise ConfigError(f"{config_source}: {missing}")
    clock = SystemClock()
    started_ms = clock.wall_ms()
    exposed = keep_out_of_core_files() if config.mode == "trading" else ()
    try:
        keys = open_keys(config)
    except SigningKeyError as e:
        raise ConfigError(f"{config_source}: {e}") from None
    account = (config.account.address if config.account is not None else keys.address or TEST_ADDRESS).lower()
    first_frame = threading.Event()
    config, beside = open_beside(config, config_source, account, clock, os.environ, first_frame)
    wipe_key_variables(config)
    # Before the journal, whose own lock knows only that it is held, not by whom.
    lock = AccountLock.take(config, account, keys.address, started_ms, what=what, state=state_dir)
    try:
        paths = run_paths(config, account, started_ms, state_dir)
    except ConfigError:
        lock.release()
        raise

    life = _EngineLife(config, config_source, keys, account, clock, started_ms, simulator, beside, first_frame)
    life.by_hand = by_hand
    engine = EngineThread(life.main)
    lifecycle = Lifecycle(
        engine,
        grace_s=config.execution.stop_grace_ms / 1000 + ENGINE_GRACE_S,
        restore_terminal=restore_terminal,
        leaves_open=by_hand,
    )
    life.on_refused = lambda: lifecycle.begin_exit(ExitCode.REFUSED, "start-up refused")
    lifecycle.install()
    stop_log = start_log(paths.log)
    lifecycle.before_leaving(stop_log)
    lifecycle.on_leaving = beside.leaving
    lifecycle.before_leaving(beside.close, more_s=config.alerts.exit_wait_ms / 1000)
    lifecycle.before_leaving(lock.release)
    for left_behind in lock.found:
        _log.warning("%s", left_behind)
    if simulator is not None:
        lifecycle.before_leaving(lambda: _stop(simulator))
    try:
        life.journal = open_journal(paths.journal, clock, meanwhile)
    except JournalError as e:
        stop_log()
        lock.release()
        raise ConfigError(str(e)) from None
    if preflight and not by_hand and config.mode == "trading" and config.rules is not Network.SIMULATOR:
        from core.runtime.preflight import (  # `make run` has no use for it, and its first frame waits
            OurSide,
            PreflightDesk,
        )
        from core.runtime.preflight_program import key_place

        ours = OurSide(
            key_place=key_place(config),
            key_warnings=keys.warnings,
            journal=paths.journal,
            latched=life.journal.recovered.latch.reason if life.journal.recovered.latch.tripped_at_ms else "",
        )
        life.preflight = PreflightDesk(config, config_source, account, keys.address, ours, clock)
    for line in start_lines(config, config_source, keys.address, account):
        _log.info("%s", line)
    _log.info("journal: %s", paths.journal)
    for warning in keys.warnings:
        _log.warning("%s", warning)
    for warning in (*keys.warnings, *exposed):
        beside.notice("start", warning)
    beside.start(engine, first_frame)
    watch_memory(engine, lifecycle, stays_open=by_hand).start()
    engine.start()
    view = ViewServer(lambda: engine.latest, engine.send, paths.journal, account)
    view.start()
    lifecycle.before_leaving(view.stop)
    lines = tuple(start_lines(config, config_source, keys.address, account))
    run = life.run_info(config, life.journal)
    return Program(engine, lifecycle, paths, life.first_frame, run, life.preflight, lines)


class _EngineLife:
    """What happens in the engine's thread, from its first moment to its last."""

    def __init__(
        self,
        config: Config,
        config_source: str,
        keys: KeyManager,
        account: str,
        clock: Clock,
        started_ms: int,
        simulator: SimProcess | None,
        beside: Beside,
        first_frame: threading.Event,
    ) -> None:
        self._config = config
        self._config_source = config_source
        self._keys = keys
        self._account = account
        self._clock = clock
        self._started_ms = started_ms
        self._cloid_space = new_space(clock)
        self._simulator = simulator
        self.by_hand = False
        self.preflight: PreflightDesk | None = None
        self.on_refused: Callable[[], None] = lambda: None
        """Told when there is nothing to go on for: nothing was traded, and nothing will be."""
        self._beside = beside
        self.first_frame = first_frame
        self.journal: Journal | None = None
        """Opened in the main thread, before this begins: a journal that cannot be used is a line on the terminal, not a dead engine."""

    async def main(self, thread: EngineThread, stop: asyncio.Event) -> None:
        journal = self.journal
        assert journal is not None
        try:
            await self._console_first(stop)
            config = await self._with_real_addresses(stop)
            if config is None:
                journal.end_run(clean=True)
                self._conclude(thread, Ending(confirmed=True, text="stopped before connecting; nothing was traded"))
                return
            word = await self._preflight(config, stop)
            if word is None:
                journal.end_run(clean=True)
                self._conclude(thread, Ending(confirmed=True, text="stopped before trading began; nothing was sent"))
                return
            thread.conclude(await self._trade(config, journal, thread, word))
        except SimProcessError as e:
            journal.end_run(clean=True)
            _log.error("%s", e)
            self._conclude(thread, Ending(confirmed=True, text=str(e), refused=True))
        except BaseException as e:
            self._beside.engine_died(describe(e))
            raise
        finally:
            if thread.ending is not None and thread.ending.refused:
                self.on_refused()
            if not journal.close():
                _log.error("journal %s: not everything was written", journal.path)

    def _conclude(self, thread: EngineThread, ending: Ending) -> None:
        """The end of a run in which no engine could tell of it."""
        self._beside.ended_without_engine(ending.text, refused=ending.refused)
        thread.conclude(ending)

    async def _console_first(self, stop: asyncio.Event) -> None:
        """Wait for the first frame, a stop, or a bound; whichever comes first."""
        deadline = self._clock.monotonic() + FIRST_FRAME_WITHIN_S
        while not (self.first_frame.is_set() or stop.is_set()) and self._clock.monotonic() < deadline:  # noqa: ASYNC110  another thread sets it
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _with_real_addresses(self, stop: asyncio.Event) -> Config | None:
        """The config with our own simulator's port in it; None when a stop was asked for while it was still starting."""
        if self._simulator is None:
            return self._config
        listening = asyncio.ensure_future(asyncio.to_thread(self._simulator.wait_listening))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            self._simulator.stop()  # which also ends the wait
            await asyncio.wait({listening})
            listening.exception()
            return None
        stopping.cancel()
        host, port = listening.result()
        _log.info("simulator listens on %s:%d, process %d", host, port, self._simulator.pid)
        return msgspec.structs.replace(
            self._config,
            ws_url=_with_port(self._config.ws_url, host, port),
            info_url=_with_port(self._config.info_url, host, port),
        )

    async def _preflight(self, config: Config, stop: asyncio.Event) -> tuple[StartTrading, ...] | None:
        """The operator's word for the engine; empty when none is asked for, None when a stop was asked for instead."""
        if self.preflight is None:
            return ()
        answered = await self.preflight.run(config, stop)
        if answered is None:
            return None
        report, go = answered
        how = f"word {go.word.strip()}, " if report.word else ""
        oids = tuple(o.oid for o in report.orders) if go.cancel_foreign else ()
        markets = tuple(p.market for p in report.positions) if go.close_found else ()
        text = f"{how}preflight: {report.summary}"
        return (StartTrading(command_id="start", who=go.who, text=text, cancel_oids=oids, close_markets=markets),)

    async def _trade(
        self, config: Config, journal: Journal, thread: EngineThread, first: tuple[StartTrading, ...]
    ) -> Ending:
        # Here and not above: aiohttp and websockets alone take as long to load as the first frame takes to draw.
        from core.engine.engine import Engine
        from core.runtime import loop
        from core.runtime.gateway import Gateway
        from core.runtime.heartbeat import Heart, first_beat
        from core.runtime.inbox import Inbox
        from core.runtime.info_client import InfoClient
        from core.runtime.loop_watch import LoopWatch
        from core.runtime.outside import Outside
        from core.runtime.signer import Signer
        from core.runtime.stop_record import take_at_start

        clock, inbox = self._clock, Inbox()
        self._beside.connect(inbox)
        recovered = take_at_start(journal, clock.now_ms())
        start = Start(config, self.run_info(config, journal), recovered, clock.now_ms())
        engine = Engine(start.config, start.run, start.recovered, start.now_ms)
        journal.describe_run(start, config.journal.max_rows, config.journal.archive_max_mb)
        tape_mb = config.journal.tape_max_mb
        tape = journal.begin_tape(start, tape_mb) if tape_mb else None
        info = InfoClient(
            *(config.info_url, self._account, inbox.put, clock),
            weights=self.preflight.weights if self.preflight is not None else None,
        )

        def put(event: AnyEvent) -> None:
            if isinstance(event, Connected):
                info.forget()
            inbox.put(event)

        outside = Outside(
            inbox=inbox,
            gateway=Gateway(config.ws_url, self._account, put, clock),
            info=info,
            journal=journal,
            signer=Signer(self._keys, config.is_mainnet_signature) if config.mode == "trading" else None,
            asset_id_of=engine.asset_id,
            on_alert=(self._beside.alerts.tell,),
        )
        heart = Heart(
            journal.path,
            first_beat(start.run, config),
            clock,
            latest=lambda: thread.latest,
            send=thread.send,
            is_latch_on_disk=lambda: outside.is_latch_on_disk,
            on_look=LoopWatch(clock, self._beside.alerts.tell).look,
        )
        heart.start()
        try:
            async with outside:
                for message in (*(self.preflight.still_true() if self.preflight is not None else ()), *first):
                    inbox.put(message)
                thread.receive_commands(inbox.put)
                ended = await loop.run(
                    engine,
                    inbox,
                    clock,
                    outside,
                    thread.publish,
                    tick_interval_ms=config.execution.tick_interval_ms,
                    record=tape.record if tape is not None else None,
                    on_tick=heart.tick,
                )
            # Refused: nothing was traded, so nobody has to look after it.
            heart.end(confirmed=ended.confirmed or ended.refused, text=ended.text)
        finally:
            heart.stop()
        if ended.refused:
            self._beside.ended_without_engine(ended.text, refused=True)
        return Ending(confirmed=ended.confirmed, text=ended.text, refused=ended.refused)

    def run_info(self, config: Config, journal: Journal) -> RunInfo:
        return RunInfo(
            network=config.network.value,
            rules=config.rules.value,
            mode=config.mode,
            account=self._account,
            signer=self._keys.address,
            ws_url=config.ws_url,
            version=core.__version__,
            run_id=journal.recovered.run_id,
            started_ms=self._started_ms,
            config_source=self._config_source,
            tick_interval_ms=config.execution.tick_interval_ms,
            time_stop_ms=config.execution.time_stop_ms,
            flatten_slippage_bps=config.execution.flatten_slippage_bps,
            by_hand=self.by_hand,
            cloid_space=self._cloid_space,
        )


def _with_port(url: str, host: str, port: int) -> str:
    return urlunsplit(urlsplit(url)._replace(netloc=f"{host}:{port}"))


def _stop(simulator: SimProcess) -> None:
    simulator.stop()
