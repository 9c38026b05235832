"""The guard at work: looks at the console's heartbeat, and when the console died or hangs with something open, cancels and closes it.

One loop, so it never acts twice at once. Decides nothing by itself: core.engine.guard_watch says whether the console lives, core.engine.emergency
what to send. Rules that are easy to get wrong: the record that latches the next console is on the disk before anything is sent, but only
when there is something to send; what was on its way when the console died may still arrive, so the account is looked at once more after
that time; and a console that comes back while we act has latched by that record, and then it is its own again.

SPEC 8, 11; lessons L26, L29, L34.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Collection

from msgspec import Struct

from core.config import Config
from core.engine.emergency import EmergencyStop
from core.engine.emergency_nonces import EmergencyNonces
from core.engine.guard_watch import Life, Seen, Watch
from core.hyperliquid.info import read_role
from core.hyperliquid.wire_values import UNREADABLE
from core.messages.effects import Alert, Severity
from core.model.cloid import CloidMaker
from core.runtime.clock import Clock
from core.runtime.cloid_space import new_space
from core.runtime.emergency_run import Emergency, EmergencyResult
from core.runtime.heartbeat import Beat, read_beat
from core.runtime.keys import KeyManager
from core.runtime.small_files import beside, read_file, replace_file
from core.runtime.stop_program import leave, outcome_of
from core.runtime.stop_record import StopRecord, add_outcome
from core.runtime.stop_target import Target
from core.runtime.venue_http import NoAnswer, VenueHttp

BY = "hip3-tui guard"
LOOK_EVERY_S = 0.25
_PROBE_EVERY_S = 30.0
"""Whether we could act if we had to: the exchange answers us, and takes our key for this account."""
_AFTER_TROUBLE_S = 5.0
_OPEN_LOOK_S = 0.02
_BEYOND_EXPIRY_S = 1.0


class Handled(Struct, frozen=True):
    """The last death that was dealt with; on disk, so that a guard that starts anew does not judge what came after it."""

    run: str
    outcome: str


class Guard:
    """Watches one journal's console."""

    def __init__(
        self,
        config: Config,
        target: Target,
        keys: KeyManager,
        clock: Clock,
        say: Callable[[str], None],
        alert: Callable[[Alert], None],
        *,
        max_tries: int | None = None,
    ) -> None:
        """
        Args:
            target: Where the console's journal and the exchange are.
            keys: Our own.
            say: Told of each step. Must not wait.
            alert: Told of what the operator should hear off screen. Must not wait.
            max_tries: How often closing is begun anew when it cannot be confirmed; None: for ever, which is right wherever money is.
        """
        self._config = config
        self._target = target
        self._keys = keys
        self._clock = clock
        self._say = say
        self._alert = alert
        self._max_tries = max_tries
        self._beat: Beat | None = None
        self._watch = Watch(config.guard.heartbeat_timeout_ms, self._handled_before())
        self._probe_at = 0.0
        self._reachable = True
        self.life = Life.NONE
        self.is_acting = False

    # --- watching ----------------------------------------------------------------------------------------------------------

    async def watch(self, stop: asyncio.Event, until: Collection[Life] = ()) -> None:
        """Until stopped, or until the console is what is waited for; whatever is being closed is finished first."""
        probing: asyncio.Task[str] | None = None
        try:
            while not stop.is_set():
                life = self.look()
                if life.needs_us:
                    await self._deal_with(life)
                    continue
                if life in until:
                    return
                if (probing is None or probing.done()) and self._clock.monotonic() >= self._probe_at:
                    self._probe_at = self._clock.monotonic() + _PROBE_EVERY_S
                    probing = asyncio.create_task(self.probe())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await stop.wait()
        finally:
            if probing is not None:
                probing.cancel()
                await asyncio.wait({probing})

    def look(self) -> Life:
        """Judge the console now; a change is said."""
        self._beat = read_beat(self._target.journal) or self._beat
        beat = self._beat
        seen = None if beat is None else _seen(beat)
        life = self._watch.look(seen, int(self._clock.monotonic() * 1000), self._clock.wall_ms())
        if life is not self.life:
            self.life = life
            self._say(f"console: {life.value}" + (f", process {beat.pid}, run {beat.run_id}" if beat else ""))
            if life is Life.LONG_DEAD:
                self._say("what is open now is not judged; `hip3-tui stop` closes everything")
        return life

    async def probe(self) -> str:
        """Whether we could act: the exchange answers, and our key is the account's. Returns why not; a change is said and told."""
        trouble = await self._trouble()
        if bool(trouble) is self._reachable:
            self._reachable = not trouble
            if trouble:
                self._tell(Severity.WARNING, "guard cannot act", f"{trouble}; trying again")
            else:
                self._tell(Severity.INFO, "guard can act again", "the exchange answers and takes the guard's key")
        if trouble:
            self._probe_at = self._clock.monotonic() + _AFTER_TROUBLE_S
        return trouble

    async def _trouble(self) -> str:
        address, account = self._keys.address, self._target.account
        try:
            async with VenueHttp(self._target.info_url, self._clock) as http:
                if address == account:
                    await http.info({"type": "exchangeStatus"})
                    return ""
                role = read_role(await http.info({"type": "userRole", "user": address}), address)
                owner = account
                if role.role == "agent" and role.owner != account:
                    # An agent of a master acts for its sub-accounts too.
                    owner = read_role(await http.info({"type": "userRole", "user": account}), account).owner
        except (NoAnswer, *UNREADABLE) as e:
            return f"the exchange cannot be asked: {e}"
        if role.role != "agent" or role.owner != owner:
            return f"the guard's key {address} is no agent of account {account} (it is: {role.role} {role.owner})"
        return ""

    # --- acting --------------------------------------------------------------------------------------------------------------

    async def _deal_with(self, life: Life) -> None:
        """Until it is confirmed that nothing is open, or the console is its own again."""
        beat = self._beat
        assert beat is not None, "nobody needs us where no heartbeat is"
        died = self._clock.monotonic()
        what = f"the console {life.value}" + (f": {beat.text}" if life is Life.NOT_FLAT else "")
        self._tell(Severity.CRITICAL, what, f"process {beat.pid}, run {beat.run_id}: looking what is open")
        record = StopRecord(f"guard-{self._clock.wall_ms()}-{os.getpid()}", self._clock.wall_ms(), BY, what)
        once_more_at = died + self._config.execution.post_timeout_ms / 1000 + _BEYOND_EXPIRY_S
        was_open = False
        tries = 0
        self.is_acting = True
        try:
            while True:
                tries += 1
                result = await self._close(record, beat)
                if result is None:
                    self._tell(
                        Severity.WARNING, "guard stands back", "the console is back, and latched by us if it had to be"
                    )
                    return
                was_open = was_open or result.was_open
                await self._write_down(record, result, was_open)
                if result.confirmed:
                    if self._clock.monotonic() >= once_more_at:
                        break
                    if await self._is_back_within(once_more_at - self._clock.monotonic()):
                        return
                    self._say(
                        "looking once more: what was on its way when the console died has arrived or expired by now"
                    )
                elif tries == self._max_tries:
                    break
            outcome = outcome_of(result) if was_open or not result.confirmed else "nothing was open"
            self._note_handled(outcome)
            self._tell(Severity.CRITICAL if was_open else Severity.WARNING, f"dealt with: {what}", outcome)
        finally:
            self.is_acting = False

    async def _close(self, record: StopRecord, beat: Beat) -> EmergencyResult | None:
        """One emergency. None: the console came back to life."""
        config, clock = self._config, self._clock
        stop = EmergencyStop(beat.dexes or config.dexes, CloidMaker(new_space(clock)), every_dex=False)
        async with VenueHttp(self._target.info_url, clock, on_pause=self._say) as http:
            emergency = Emergency(
                stop,
                http,
                self._keys,
                self._target.account,
                EmergencyNonces(0, clock.now_ms()),
                clock,
                self._say,
                is_mainnet_signature=config.is_mainnet_signature,
            )
            acting = asyncio.create_task(
                emergency.run(config.guard.act_within_ms / 1000, self._once_something_is_open(stop, record))
            )
            try:
                while not acting.done():
                    await asyncio.wait({acting}, timeout=LOOK_EVERY_S)
                    if not acting.done() and self._is_back(stop.may_send):
                        return None
                return acting.result()
            finally:
                acting.cancel()
                await asyncio.wait({acting})

    async def _once_something_is_open(self, stop: EmergencyStop, record: StopRecord) -> None:
        while not stop.was_open:  # noqa: ASYNC110  the one who reads sets it, a few times a second
            await asyncio.sleep(_OPEN_LOOK_S)
        await leave(self._target.journal, record, self._say)

    def _is_back(self, has_sent: bool) -> bool:
        """Whether the console lives again, and is latched if we have begun; one that is not yet will be in a moment."""
        alive = self.look() is Life.ALIVE
        return alive and (not has_sent or (self._beat is not None and self._beat.latched))

    async def _is_back_within(self, seconds: float) -> bool:
        ends = self._clock.monotonic() + seconds
        while self._clock.monotonic() < ends:
            if self.look() in (Life.ALIVE, Life.QUIET):
                self._say("the console is back")
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        return False

    # --- what is left behind -----------------------------------------------------------------------------------------------

    async def _write_down(self, record: StopRecord, result: EmergencyResult, was_open: bool) -> None:
        outcome = outcome_of(result)
        self._say(outcome)
        if not result.confirmed:
            self._tell(
                Severity.CRITICAL, "guard: NOT CONFIRMED flat", f"{outcome}; trying again; look at the exchange now"
            )
        if was_open and result.was_open:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(add_outcome, self._target.journal, record.id, outcome)

    def _note_handled(self, outcome: str) -> None:
        handled = Handled(self._watch.handled(), outcome)
        with contextlib.suppress(OSError):
            replace_file(beside(self._target.journal, "guard"), handled, durable=True)

    def _handled_before(self) -> str:
        try:
            handled = read_file(beside(self._target.journal, "guard"), Handled)
        except ValueError:
            return ""
        return "" if handled is None else handled.run

    def _tell(self, severity: Severity, title: str, body: str) -> None:
        self._say(f"{title}: {body}")
        self._alert(Alert(severity, title, body))


def _seen(beat: Beat) -> Seen:
    return Seen(
        run=f"{beat.boot_id}-{beat.pid}-{beat.started_ms}",
        ticks=beat.ticks,
        at_ms=beat.at_ms,
        is_process_there=beat.is_alive,
        ended=beat.ended or not beat.trades,
        confirmed=beat.confirmed or not beat.trades,
    )
