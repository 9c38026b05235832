"""`hip3-tui stop` without its arguments: the emergency stop of one account, beside a running console or without one.

The order is what matters: the record for the console first (it latches and enters no more, or finds it at its next start), then reading,
and sending as soon as the console has answered or its moment is over. It takes no lock, because a console that hangs holds it. Every wait
has a limit, the whole has one, and it ends with what the exchange itself said.

SPEC 11; lessons L26, L27, L28, L31.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Awaitable
from pathlib import Path

import msgspec
from msgspec import Struct

from core.config import Config, ConfigError
from core.engine.emergency import EmergencyStop
from core.engine.emergency_dex import AGREE_AFTER_MS, Left, dex_name
from core.engine.emergency_nonces import EmergencyNonces
from core.messages.exit_codes import ExitCode
from core.model.cloid import CloidMaker
from core.model.market import MAIN_DEX
from core.runtime.clock import Clock, SystemClock
from core.runtime.cloid_space import new_space
from core.runtime.emergency_run import Emergency, EmergencyResult, Say
from core.runtime.hardening import keep_out_of_core_files, wipe_key_variables
from core.runtime.heartbeat import read_beat
from core.runtime.keys import KeyManager, SigningKeyError, load_key
from core.runtime.step_printer import StepPrinter
from core.runtime.stop_alerts import StopAlerts
from core.runtime.stop_record import StopRecord, add_outcome, leave_record
from core.runtime.stop_target import Target, find_target
from core.runtime.venue_http import VenueHttp

BY = "hip3-tui stop"
REASON = "emergency stop"
CONSOLE_WITHIN_S = 1.5
"""A console looks for a record ten times a second, and has its latch on the disk within a second or not at all."""
_BEAT_LAG_MS = 1_000
"""A console beats once a second: it may have sent something for so long after its last beat."""
_LOOK_EVERY_S = 0.03
_DISK_WITHIN_S = 1.0
_JOURNAL_WITHIN_S = 0.3
_BEYOND_S = 3.0
"""What ends after its time must have ended by then; else the program is left as it is."""


class StopOrder(Struct, frozen=True):
    """Everything that was asked for."""

    config: Config
    source: str
    within_s: float
    as_json: bool = False
    state_dir: Path | None = None


def run_stop(order: StopOrder) -> int:
    """Do it, tell it, and return the exit code.

    Raises:
        ConfigError: Without a key, or without an exchange to ask; nothing was done.
    """
    config, clock = order.config, SystemClock()
    keys = _keys(config, order.source)
    wipe_key_variables(config)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a link that dies now must not leave it half done
    account = config.account.address if config.account is not None else keys.address
    target = find_target(config, account, order.state_dir)
    printer = StepPrinter(clock, as_json=order.as_json)
    printer.tell(
        [
            f"EMERGENCY STOP on {_where(config)}, account {target.account}, signed by {keys.address}, at {target.info_url}",
            "cancels every open order and closes every position of this account on every dex of the exchange, whoever placed them: "
            "ours, manual and foreign alike; opens nothing",
        ],
        {
            "network": config.network.value,
            "rules": config.rules.value,
            "account": target.account,
            "signer": keys.address,
        },
    )
    alerts = StopAlerts(config, order.source, target.account, clock, printer.say)
    alerts.began()
    config = config.masked()
    results: list[EmergencyResult | BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(_stop(config, target, keys, clock, printer.say, order.within_s)))
        except BaseException as e:
            results.append(e)

    # A thread that is waited for with a bound: neither a name server that hangs nor a closing socket may hold up the verdict.
    thread = threading.Thread(target=work, name="emergency", daemon=True)
    thread.start()
    with contextlib.suppress(KeyboardInterrupt):
        thread.join(order.within_s + CONSOLE_WITHIN_S + _BEYOND_S)
    result = results[0] if results else None
    if isinstance(result, BaseException):
        printer.say(f"failed: {type(result).__name__}: {result}")
    known = result if isinstance(result, EmergencyResult) else None
    lines, data = verdict(known, target)
    printer.tell(lines, data)
    printer.close()
    outcome = "broken off: what is open is not known" if known is None else outcome_of(known)
    alerts.ended(outcome, confirmed=known is not None and known.confirmed, was_open=known is None or known.was_open)
    for left in alerts.close():
        with contextlib.suppress(OSError):
            sys.stderr.write(f"hip3-tui: {left}\n")
    return ExitCode.OK if data["confirmed"] else ExitCode.NOT_CONFIRMED


def _where(config: Config) -> str:
    place, rules = config.network.value.upper(), config.rules.value
    return place if config.network is config.rules else f"{place} (under {rules}'s rules)"


def _keys(config: Config, source: str) -> KeyManager:
    if config.signer is None:
        raise ConfigError(f"{source}: signer: missing: an emergency stop has to sign, whatever the mode")
    try:
        keep_out_of_core_files()
        key, warnings = load_key(config.signer.key_source, config.network)
        return KeyManager(key, config.signer.address, warnings)
    except SigningKeyError as e:
        raise ConfigError(f"{source}: {e}") from None


async def _stop(
    config: Config, target: Target, keys: KeyManager, clock: Clock, say: Say, within_s: float
) -> EmergencyResult:
    record = StopRecord(f"{clock.wall_ms()}-{os.getpid()}", clock.wall_ms(), BY, REASON)
    await leave(target.journal, record, say)
    nonces = EmergencyNonces(await asyncio.to_thread(highest_nonce, target.journal), clock.now_ms())
    cloids = CloidMaker(new_space(clock))
    begun = clock.monotonic()

    async def close(seconds: float, may_send: Awaitable[object]) -> EmergencyResult:
        stop = EmergencyStop((MAIN_DEX, *config.dexes), cloids, every_dex=True)
        async with VenueHttp(target.info_url, clock, on_pause=say) as http:
            emergency = Emergency(
                stop, http, keys, target.account, nonces, clock, say, is_mainnet_signature=config.is_mainnet_signature
            )
            return await emergency.run(seconds, may_send)

    console = asyncio.ensure_future(await_console(target, record.id, clock, say))
    result = await close(within_s, asyncio.shield(console))
    wait_s = on_its_way_s(target, clock.wall_ms())
    left_s = within_s - (clock.monotonic() - begun) - wait_s
    if result.confirmed and wait_s > 0 and not await console and left_s > AGREE_AFTER_MS / 1000:
        say(f"looking once more in {wait_s:.1f} s: what that console had sent may arrive until then")
        await asyncio.sleep(wait_s)
        result = both(result, await close(left_s, nothing()), clock.monotonic() - begun)
    console.cancel()
    with contextlib.suppress(OSError):
        add_outcome(target.journal, record.id, outcome_of(result))
    return result


async def leave(journal: Path, record: StopRecord, say: Say) -> None:
    """The record, on the disk within a bound; without it there is still everything else to do."""
    try:
        async with asyncio.timeout(_DISK_WITHIN_S):
            await asyncio.to_thread(leave_record, journal, record)
    except (OSError, TimeoutError) as e:
        say(
            f"latch: the record could not be written ({str(e) or 'the disk does not answer'}): the next console will not be latched by it"
        )
    else:
        say(f"latch: record left beside {journal}: the console latches now, or at its next start")


async def await_console(target: Target, record_id: str, clock: Clock, say: Say) -> bool:
    """Give a running console its moment to latch. Returns whether it did."""
    beat = target.beat
    if beat is None or not target.console_runs:
        say("console: none is running here")
        return False
    ends = clock.monotonic() + CONSOLE_WITHIN_S
    while clock.monotonic() < ends:
        newest = read_beat(target.journal)
        if newest is not None and newest.answered == record_id:
            say(f"console: process {beat.pid} has latched")
            return True
        await asyncio.sleep(_LOOK_EVERY_S)
    say(
        f"console: process {beat.pid} did not answer within {CONSOLE_WITHIN_S:g} s: going on without it; end it before it wakes"
    )
    return False


async def nothing() -> None:
    """Nobody has to be waited for."""


def on_its_way_s(target: Target, wall_ms: int) -> float:
    """For how long an entry may still arrive that a console sent before it died or hung; one that ended in order settled its own."""
    beat = target.beat
    if beat is None or beat.ended or not beat.trades:
        return 0.0
    return max(0.0, (beat.at_ms + _BEAT_LAG_MS + beat.post_timeout_ms - wall_ms) / 1000)


def both(first: EmergencyResult, second: EmergencyResult, seconds: float) -> EmergencyResult:
    """Two looks at one account as one result: the second has the last word."""
    late_s = None
    if second.was_open and second.flat_after_s is not None:
        late_s = seconds - second.seconds + second.flat_after_s
    return msgspec.structs.replace(
        second,
        was_open=first.was_open or second.was_open,
        exits_sent=first.exits_sent + second.exits_sent,
        cancels_sent=first.cancels_sent + second.cancels_sent,
        seconds=seconds,
        flat_after_s=first.flat_after_s if late_s is None else late_s,
    )


def highest_nonce(journal: Path) -> int:
    """Of the last runs, as far as their journal can be read now; 0 if it cannot."""
    if not journal.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=_JOURNAL_WITHIN_S)) as db:
            return int(db.execute("SELECT max(value) FROM high_water WHERE name = 'nonce'").fetchone()[0] or 0)
    except (sqlite3.Error, ValueError):
        return 0


# --- the verdict -------------------------------------------------------------------------------------------------------------


def outcome_of(result: EmergencyResult) -> str:
    """How it ended, in one line for the console's audit trail."""
    sent = f"{result.exits_sent} exits and {result.cancels_sent} cancels sent"
    if result.confirmed:
        return f"flat and no open order, confirmed by the exchange; {sent if result.was_open else 'nothing was open'}"
    return f"NOT CONFIRMED; {sent}; left: {'; '.join(map(left_text, result.left))}"


def verdict(result: EmergencyResult | None, target: Target) -> tuple[list[str], dict[str, object]]:
    """For people, and for programs."""
    data: dict[str, object] = {"confirmed": result is not None and result.confirmed}
    if result is None:
        return ["NOT CONFIRMED: broken off; what is open is not known: look at the exchange now"], data
    times = {"seconds": round(result.seconds, 3), "flat_after_s": result.flat_after_s}
    data |= {"exits_sent": result.exits_sent, "cancels_sent": result.cancels_sent, **times}
    data["left"] = [left_text(left) for left in result.left]
    if result.confirmed:
        sent = (
            f"{result.exits_sent} exits and {result.cancels_sent} cancels sent"
            if result.was_open
            else "nothing was open"
        )
        flat = f"flat after {result.flat_after_s:.2f} s, " if result.flat_after_s is not None else ""
        return [
            f"CONFIRMED by the exchange, twice: no position and no open order; {sent}; {flat}done after {result.seconds:.2f} s"
        ], data
    lines = [f"NOT CONFIRMED after {result.seconds:.1f} s. Left, as far as is known:"]
    lines += [f"  {left_text(left)}" for left in result.left]
    return [*lines, f"Close it by hand at the exchange now, account {target.account}; or run this again."], data


def left_text(left: Left) -> str:
    parts = [f"{p.market} {p.signed_size:+}" for p in left.positions]
    if left.orders:
        parts.append(f"{len(left.orders)} open orders ({', '.join(sorted({str(o.market) for o in left.orders}))})")
    return f"{dex_name(left.dex)}: {'; '.join(filter(None, (*parts, left.trouble)))}"
