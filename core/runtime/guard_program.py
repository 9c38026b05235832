"""`hip3-tui guard` without its arguments: its own key, its own lock, its own log and alerts around core.runtime.guard.

Easy to get wrong: it must outlive what it watches, so the hang-up of the terminal that both may share is ignored; and a signal that comes
while something is being closed waits until that is done (a second one does not).

SPEC 5, 8, 11.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from core.config import Config, ConfigError, Network, SimulatorKey
from core.config_warnings import unfinished
from core.engine.guard_watch import Life
from core.runtime.alert_urls import read_alert_urls
from core.runtime.alerts import AlertService
from core.runtime.clock import Clock, SystemClock
from core.runtime.emergency_run import Say
from core.runtime.guard import Guard
from core.runtime.hardening import keep_out_of_core_files, wipe_key_variables
from core.runtime.keys import TEST_ADDRESS, KeyManager, SigningKeyError, load_guard_key
from core.runtime.log_file import start_log
from core.runtime.small_files import beside
from core.runtime.step_printer import StepPrinter
from core.runtime.stop_target import Target, find_target

_log = logging.getLogger(__name__)

_FIND_AGAIN_S = 0.5
_TRIES_ON_OWN_SIMULATOR = 2
"""It may have gone with its console, and then there is nothing that could be open."""
_CONTROL_WITHIN_S = 5.0
_OVER = (Life.QUIET, Life.HANDLED)


class GuardOrder(Struct, frozen=True):
    """Everything that was asked for."""

    config: Config
    source: str
    state_dir: Path | None = None
    child_of: Path | None = None
    """The journal of the console that started us: watched to its end, and then we end too."""


class GuardLock:
    """One guard for each journal, hence for each account. The operating system releases it, whatever way we end."""

    def __init__(self, journal: Path) -> None:
        """Take it.

        Raises:
            ConfigError: Another guard has it, or the file cannot be made.
        """
        path = beside(journal, "guard.lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise ConfigError(f"{path}: cannot be made: {e.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise ConfigError(f"another guard watches {journal} already, process {who or 'unknown'}") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


def run_guard(order: GuardOrder) -> int:
    """Watch until stopped. Returns the exit code.

    Raises:
        ConfigError: It cannot begin; nothing was done.
    """
    config, clock = order.config, SystemClock()
    if missing := unfinished(config):
        raise ConfigError(f"{order.source}: {missing}")
    exposed = keep_out_of_core_files()
    try:
        keys = load_guard_key(config)
    except SigningKeyError as e:
        raise ConfigError(f"{order.source}: {e}") from None
    urls, warnings = read_alert_urls(config.alerts, os.environ, order.source)
    wipe_key_variables(config)
    config = config.masked()
    account = (config.account.address if config.account is not None else TEST_ADDRESS).lower()
    alerts = AlertService(
        urls, config.alerts, f"hip3-tui guard {config.network.value} {account[:6]}..{account[-4:]}", clock
    )
    printer = StepPrinter(clock, stamp=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    alerts.start()
    try:
        for warning in (*keys.warnings, *exposed, *warnings):
            printer.say(warning)
        return asyncio.run(_guard(order, config, account, keys, alerts, printer, clock))
    finally:
        for left in alerts.close():
            printer.say(left)
        printer.close()


async def _guard(
    order: GuardOrder,
    config: Config,
    account: str,
    keys: KeyManager,
    alerts: AlertService,
    printer: StepPrinter,
    clock: Clock,
) -> int:
    stop = asyncio.Event()
    guards: list[Guard] = []
    done: set[Path] = set()
    _take_signals(stop, guards, printer)
    while not stop.is_set():
        target = await _find(order, config, account, stop, printer, done)
        if target is None:
            break
        lock = GuardLock(target.journal)
        stop_log = start_log(beside(target.journal, "guard.log"))
        try:
            tries = _TRIES_ON_OWN_SIMULATOR if config.runs_own_simulator else None
            guard = Guard(config, target, keys, clock, _both(printer), alerts.tell, max_tries=tries)
            guards[:] = [guard]
            for line in opening_words(config, target, keys, alerts):
                _both(printer)(line)
            if _is_our_test_key(config):
                await asyncio.to_thread(approve_on_simulator, target.info_url, account, keys.address, _both(printer))
            trouble = await guard.probe()
            if not trouble:
                _both(printer)("the exchange answers, and the guard's key is the account's: ready")
            # A simulator of a console's own ends with that console; the next one has another journal.
            await guard.watch(stop, _OVER if config.runs_own_simulator else ())
            done.add(target.journal)
        finally:
            _both(printer)("guard: ended" if stop.is_set() or order.child_of else "guard: waiting for the next console")
            stop_log()
            lock.release()
        if order.child_of is not None:
            break
    return 0


def _take_signals(stop: asyncio.Event, guards: list[Guard], printer: StepPrinter) -> None:
    loop = asyncio.get_running_loop()

    def asked(name: str) -> None:
        if stop.is_set():
            printer.say(f"{name} again: left at once" + ("; NOT CONFIRMED" if guards and guards[0].is_acting else ""))
            printer.close()
            os._exit(75 if guards and guards[0].is_acting else 0)
        acting = guards and guards[0].is_acting
        printer.say(f"{name}: " + ("closing is finished first" if acting else "ending"))
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, asked, signal.Signals(number).name)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _both(printer: StepPrinter) -> Say:
    def say(text: str) -> None:
        _log.info("%s", text)
        printer.say(text)

    return say


async def _find(
    order: GuardOrder, config: Config, account: str, stop: asyncio.Event, printer: StepPrinter, done: set[Path]
) -> Target | None:
    """What to watch. A console with a simulator of its own must have started first; None: stopped, or it never will.

    Args:
        done: What was watched to its end.
    """
    said = False
    parent = os.getppid()
    while not stop.is_set():
        try:
            target = find_target(config, account, order.state_dir, order.child_of)
            if not config.runs_own_simulator or order.child_of or (target.console_runs and target.journal not in done):
                return target
        except ConfigError:
            pass  # none has run yet
        if not said:
            printer.say("guard: no console with a simulator of its own is running yet; waiting for one")
            said = True
        if order.child_of is not None and os.getppid() != parent:
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIND_AGAIN_S):
                await stop.wait()
    return None


def opening_words(config: Config, target: Target, keys: KeyManager, alerts: AlertService) -> list[str]:
    """What is watched, and what would be done."""
    dexes = ", ".join(dex or "main dex" for dex in config.dexes)
    timeout_s = config.guard.heartbeat_timeout_ms / 1000
    return [
        f"GUARD on {config.network.value.upper()}, account {target.account}, signed by {keys.address}, at {target.info_url}",
        f"watches the console's heartbeat beside {target.journal}",
        f"acts when that process is gone, or its engine stood still for {timeout_s:g} s: cancels every order and closes every position of the "
        f"account on {dexes}, reduce-only, whoever placed them; latches the next console; never opens anything",
        f"alerts: {len(alerts.views)} targets"
        if alerts.views
        else "alerts: none configured: this log and the next console say it",
    ]


def _is_our_test_key(config: Config) -> bool:
    source = config.guard.key_source
    return config.network is Network.SIMULATOR and (source is None or isinstance(source, SimulatorKey))


def approve_on_simulator(info_url: str, account: str, agent: str, say: Say) -> None:
    """Have our simulator take the public test key of the guard as an agent. No other network has such a door."""
    url = urlunsplit(urlsplit(info_url)._replace(path="/control"))
    body = json.dumps({"do": "approve_agent", "user": account, "agent": agent, "name": "guard"}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_CONTROL_WITHIN_S):
            say("the simulator took the guard's test key as an agent")
    except OSError as e:
        code = getattr(e, "code", None)
        if code != 400:  # 400: it is one already
            say(f"the simulator could not be asked to take the guard's test key: {e}")
