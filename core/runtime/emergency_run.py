"""Does the waiting for an emergency: asks, signs and sends what core.engine.emergency wants, and tells it the answers, until it is
confirmed or the time is over.

HTTP alone, no socket: a question and its answer are all that is needed, each request stands by itself, and there is no session to set up,
to lose or to resume. Decides nothing about what to close. Easy to get wrong: before anything is sent it must be sure whose account the key
acts for, because an action names no account: a sub-account needs its address in the envelope, and an agent's address shows an empty account.

SPEC 11; PROTOCOL 5.2, 5.3; lessons L16, L17, L26, L39.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from core.engine.emergency import EmergencyStop
from core.engine.emergency_dex import Kind, Left, Read, Send
from core.engine.emergency_nonces import EmergencyNonces
from core.engine.emergency_plan import Refusal, Twap, TwapCancel, judge_refusal
from core.hyperliquid.account_wide import (
    read_dex_names,
    read_mids,
    read_running_twaps,
    read_twap_cancel,
    twap_cancel_action,
)
from core.hyperliquid.actions import batch_action
from core.hyperliquid.info import read_open_orders, read_positions, read_role, read_specs
from core.hyperliquid.parsing import read_action_answer
from core.hyperliquid.wire_values import UNREADABLE
from core.messages.events import OrderOutcome, Outcome, RoleRead
from core.model.market import MarketKey
from core.runtime.clock import Clock
from core.runtime.keys import KeyManager
from core.runtime.signer import Signer
from core.runtime.venue_http import NoAnswer, VenueHttp

_NONCE_TRIES = 4
_ROLE_TRIES = 2

Say = Callable[[str], None]


class EmergencyResult(Struct, frozen=True):
    """How it ended. Times in seconds from the beginning."""

    confirmed: bool
    left: tuple[Left, ...]
    was_open: bool
    exits_sent: int
    cancels_sent: int
    seconds: float
    flat_after_s: float | None
    """When the exchange had first said of every dex that nothing is open."""


class Emergency:
    """One emergency of one account."""

    def __init__(
        self,
        stop: EmergencyStop,
        http: VenueHttp,
        keys: KeyManager,
        account: str,
        nonces: EmergencyNonces,
        clock: Clock,
        say: Say,
        *,
        is_mainnet_signature: bool,
    ) -> None:
        """
        Args:
            stop: Decides.
            http: Open.
            keys: In the role Trading.
            account: Whose positions and orders; the master or a sub-account.
            nonces: Of this key.
            say: Told of each step. Must not wait.
            is_mainnet_signature: Which letter is signed.
        """
        self._stop = stop
        self._http = http
        self._keys = keys
        self._account = account.lower()
        self._nonces = nonces
        self._clock = clock
        self._say = say
        self._is_mainnet_signature = is_mainnet_signature
        self._signer = Signer(keys, is_mainnet_signature)
        self._perp_dexs: bytes | None = None
        self._asset_ids: dict[MarketKey, int] = {}
        self._wake = asyncio.Event()

    async def run(self, within_s: float, may_send: Awaitable[object] | None = None) -> EmergencyResult:
        """Until confirmed, or the time is over.

        Args:
            may_send: Awaited before the first action leaves; it has a limit of its own.
        """
        started = self._clock.monotonic()
        started_ms = self._clock.now_ms()
        tasks: set[asyncio.Task[None]] = set()
        confirmed = False
        opening = asyncio.ensure_future(self._allow_sending(may_send))
        try:
            async with asyncio.timeout(within_s):
                unknown = await self._find_account()
                if unknown:
                    return self._result((Left("", trouble=unknown),), False, started, started_ms)
                confirmed = await self._until_confirmed(tasks)
        except TimeoutError:
            pass
        finally:
            for task in (opening, *tasks):
                task.cancel()
            await asyncio.wait({opening, *tasks})
            self._tell()
        left = () if confirmed else tuple(self._stop.left(self._clock.now_ms()))
        return self._result(left, confirmed, started, started_ms)

    def _result(self, left: tuple[Left, ...], confirmed: bool, started: float, started_ms: int) -> EmergencyResult:
        stop, empty_ms = self._stop, self._stop.empty_since_ms()
        return EmergencyResult(
            confirmed=confirmed,
            left=left,
            was_open=stop.was_open,
            exits_sent=stop.exits_sent,
            cancels_sent=stop.cancels_sent,
            seconds=self._clock.monotonic() - started,
            flat_after_s=None if empty_ms is None else (empty_ms - started_ms) / 1000,
        )

    async def _allow_sending(self, may_send: Awaitable[object] | None) -> None:
        if may_send is not None:
            await may_send
        self._stop.may_send = True
        self._wake.set()

    async def _until_confirmed(self, tasks: set[asyncio.Task[None]]) -> bool:
        while True:
            now_ms = self._clock.now_ms()
            for wanted in self._stop.due(now_ms):
                work = self._read(wanted) if isinstance(wanted, Read) else self._send(wanted)
                task = asyncio.create_task(work)
                tasks.add(task)
                task.add_done_callback(lambda done: self._ended(done, tasks))
            self._tell()
            if self._stop.is_confirmed(now_ms):
                return True
            self._wake.clear()
            wait_s = max(0.0, (self._stop.next_due_ms(now_ms) - self._clock.now_ms()) / 1000)
            try:
                # Bounded in any case: what is due is looked at again, whatever woke nobody.
                async with asyncio.timeout(min(max(wait_s, 0.005), 1.0)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _ended(self, task: asyncio.Task[None], tasks: set[asyncio.Task[None]]) -> None:
        tasks.discard(task)
        self._wake.set()

    def _tell(self) -> None:
        notes, self._stop.notes = self._stop.notes, []
        for note in notes:
            self._say(note)

    # --- whose account -----------------------------------------------------------------------------------------------------

    async def _find_account(self) -> str:
        """Returns why nothing can be known about the account; empty if it is as the config says, or as good as that."""
        role = await self._role()
        if role is None:
            return ""
        if role.role == "missing":
            return f"the exchange knows no account {self._account}: is account.address right?"
        if role.role == "agent":
            self._say(f"{self._account} is an agent of {role.owner}: stopping the account of {role.owner}")
            self._account = role.owner
        elif role.role in ("subAccount", "vault"):
            self._say(f"{self._account} is a {role.role}: acting in its name")
            self._signer = Signer(self._keys, self._is_mainnet_signature, self._account)
        return ""

    async def _role(self) -> RoleRead | None:
        reason = ""
        for _ in range(_ROLE_TRIES):
            try:
                return read_role(await self._http.info({"type": "userRole", "user": self._account}), self._account)
            except (NoAnswer, *UNREADABLE) as e:
                reason = str(e)
        self._say(f"what {self._account} is could not be read ({reason}): taken for an account of its own")
        return None

    # --- reading -----------------------------------------------------------------------------------------------------------

    async def _read(self, read: Read) -> None:
        try:
            tell = await self._answer_to(read)
        except (NoAnswer, *UNREADABLE) as e:
            self._stop.on_read_failed(read, str(e), self._clock.now_ms())
        else:
            tell(self._clock.now_ms())

    async def _answer_to(self, read: Read) -> Callable[[int], None]:
        """Ask, understand, and answer what is to be told to the one that decides."""
        stop, dex = self._stop, read.dex
        match read.kind:
            case Kind.DEXES:
                self._perp_dexs = await self._http.info({"type": "perpDexs"})
                names = read_dex_names(self._perp_dexs)
                return lambda now_ms: stop.on_dexes(names, now_ms)
            case Kind.TWAPS:
                running = read_running_twaps(await self._of_user("twapHistory"))
                twaps = tuple(Twap(market, twap_id) for market, twap_id in running)
                return lambda now_ms: stop.on_twaps(twaps, now_ms)
            case Kind.POSITIONS:
                positions = read_positions(await self._of_user("clearinghouseState", dex=dex), dex)
                return lambda now_ms: stop.on_positions(positions, now_ms)
            case Kind.ORDERS:
                orders = read_open_orders(await self._of_user("openOrders", dex=dex), dex)
                return lambda now_ms: stop.on_orders(orders, now_ms)
            case Kind.SPECS:
                meta = asyncio.ensure_future(self._http.info({"type": "meta", "dex": dex}))
                try:
                    perp_dexs = self._perp_dexs or await self._http.info({"type": "perpDexs"})
                    specs = read_specs(perp_dexs, await meta, dex).specs
                finally:
                    meta.cancel()
                self._asset_ids.update({s.market: s.asset_id for s in specs})
                return lambda now_ms: stop.on_specs(dex, specs, now_ms)
            case Kind.MIDS:
                mids = read_mids(await self._http.info({"type": "allMids", "dex": dex}), dex)
                return lambda now_ms: stop.on_mids(dex, mids, now_ms)

    async def _of_user(self, kind: str, **more: Any) -> bytes:
        return await self._http.info({"type": kind, "user": self._account, **more})

    # --- sending -----------------------------------------------------------------------------------------------------------

    async def _send(self, send: Send) -> None:
        try:
            answer = await self._answer_to_action(send)
        except (NoAnswer, *UNREADABLE) as e:
            self._stop.on_lost(send, str(e), self._clock.now_ms())
            return
        if isinstance(answer, str):
            self._stop.on_refused(send, answer, self._clock.now_ms())
        else:
            self._stop.on_outcomes(send, answer, self._clock.now_ms())

    async def _answer_to_action(self, send: Send) -> tuple[OrderOutcome, ...] | str:
        """Sign and send; again under another nonce if that one was taken, which is safe: a refused nonce did nothing."""
        batch = send.batch
        is_twap = isinstance(batch, TwapCancel)
        if isinstance(batch, TwapCancel):
            action = twap_cancel_action(self._asset_ids[batch.twap.market], batch.twap.twap_id)
        else:
            action = batch_action(batch, self._asset_ids.__getitem__)
        answer: tuple[OrderOutcome, ...] | str = ""
        for _ in range(_NONCE_TRIES):
            signed = self._signer.sign(action, self._nonces.next(self._clock.now_ms()), None)
            raw = await self._http.exchange(msgspec.json.encode(signed.payload))
            answer = _twap_answer(raw) if is_twap else _action_answer(raw)
            if not isinstance(answer, str) or judge_refusal(answer) is not Refusal.NONCE:
                break
            self._say(f"{answer}: trying another nonce")
            self._nonces.on_refused(answer)
        return answer


def _action_answer(raw: bytes) -> tuple[OrderOutcome, ...] | str:
    if raw[:1] != b"{":  # HTTP 422 is plain text: not understood, hence not done
        return raw[:300].decode("utf-8", "replace")
    return read_action_answer(raw)


def _twap_answer(raw: bytes) -> tuple[OrderOutcome, ...] | str:
    error = read_twap_cancel(raw) if raw[:1] == b"{" else raw[:300].decode("utf-8", "replace")
    return error or (OrderOutcome(Outcome.CANCELED),)
