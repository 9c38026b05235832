"""Joins signer, gateway, info client and journal, and performs the engine's effects. Decides nothing.

Rules that are easy to get wrong: every post is answered, so one that cannot even be signed is a PostNotSent; and nothing performed here
may keep the next effect from being performed, least of all a latch that cannot be written, because what follows it is the flatten.

DESIGN "One order".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

import msgspec

from core.hyperliquid.actions import AssetIdOf
from core.messages.effects import (
    Alert,
    Ask,
    Effect,
    Finished,
    ForgetPost,
    Journal,
    LatchState,
    PersistCounters,
    PersistLatch,
    Post,
    Reconnect,
    Refuse,
    Repost,
    Subscribe,
)
from core.messages.events import OutsideFault, PostNotSent, PostSigned
from core.model.order import ActionBatch
from core.runtime.gateway import Gateway
from core.runtime.inbox import Inbox
from core.runtime.info_client import InfoClient
from core.runtime.journal import Journal as JournalFile
from core.runtime.signer import SignedAction

_log = logging.getLogger(__name__)

_RESTART_S = 1.0


class Signing(Protocol):
    """The signer, as far as a post needs it."""

    def build_and_sign(
        self, batch: ActionBatch, nonce: int, expires_after_ms: int | None, asset_id_of: AssetIdOf
    ) -> SignedAction: ...


class Outside:
    """Everything beyond the engine. Use ``async with``: entering starts the connections, leaving ends them."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        gateway: Gateway,
        info: InfoClient,
        journal: JournalFile,
        signer: Signing | None,
        asset_id_of: AssetIdOf,
        on_alert: Iterable[Callable[[Alert], None]] = (),
    ) -> None:
        """Join the parts.

        Args:
            inbox: Where their answers go, and our own faults.
            gateway: WebSocket.
            info: POST /info.
            journal: An open one; it stays open after this ends.
            signer: None when there is no key (observation); then no post leaves.
            asset_id_of: The asset id of a market, as the engine read it from the exchange.
            on_alert: Told of every alert; must not block.
        """
        self._inbox = inbox
        self._gateway = gateway
        self._info = info
        self._journal = journal
        self._signer = signer
        self._asset_id_of = asset_id_of
        self._on_alert = tuple(on_alert)
        self._latch_failed = False
        self._tasks: list[asyncio.Task[None]] = []
        journal.listen(lambda text: inbox.put(OutsideFault(text)))

    async def __aenter__(self) -> Outside:
        self._tasks = [
            asyncio.create_task(self._keep_running("gateway", self._gateway.run)),
            asyncio.create_task(self._keep_running("info client", self._info.run)),
        ]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _keep_running(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """These never end by themselves; one that does is a fault, told once, and is started again: an exit may still need it."""
        told = False
        while True:
            try:
                await run()
                what = "ended"
            except Exception as e:
                _log.error("%s failed", name, exc_info=e)
                what = f"failed: {type(e).__name__}: {e}"
            if not told:
                told = True
                self._inbox.put(OutsideFault(f"{name} {what}"))
            await asyncio.sleep(_RESTART_S)

    @property
    def journal_backlog(self) -> int:
        return self._journal.backlog

    @property
    def is_latch_on_disk(self) -> bool:
        """False from a latch that could not be written until one could."""
        return not self._latch_failed

    def perform(self, effect: Effect) -> None:
        """Do it, or begin it. Only the latch waits, for the disk and with a bound."""
        match effect:
            case Post(post_id, nonce, batch, expires_after_ms):
                self._post(post_id, nonce, batch, expires_after_ms)
            case Repost(post_id, original_post_id):
                self._gateway.repost(post_id, original_post_id)
            case ForgetPost(post_id):
                self._gateway.forget(post_id)
            case Ask(query):
                self._info.ask(query)
            case Journal(row):
                self._journal.append(row)
            case PersistLatch(latch):
                self._persist_latch(latch)
            case PersistCounters(counters):
                self._journal.put_counters(counters)
            case Subscribe(markets):
                self._gateway.subscribe(markets)
            case Reconnect(reason):
                self._gateway.reconnect(reason)
            case Alert():
                self._alert(effect)
            case Finished() | Refuse():
                # Orderly either way; whether the exchange confirmed is in the audit trail.
                self._journal.end_run(clean=True)

    def _post(self, post_id: int, nonce: int, batch: ActionBatch, expires_after_ms: int | None) -> None:
        if self._signer is None:
            self._inbox.put(PostNotSent(post_id, "there is no key: observation"))
            return
        try:
            signed = self._signer.build_and_sign(batch, nonce, expires_after_ms, self._asset_id_of)
            payload = msgspec.json.encode(signed.payload)
        except Exception as e:
            # The type alone: a library's text about a key could quote it.
            _log.error("signing post %d failed: %s", post_id, type(e).__name__)
            self._inbox.put(PostNotSent(post_id, f"signing failed: {type(e).__name__}"))
            return
        self._inbox.put(PostSigned(post_id, signed.hash_hex))
        self._gateway.post(post_id, payload)

    def _persist_latch(self, latch: LatchState) -> None:
        if self._journal.persist_latch(latch):
            self._latch_failed = False
        elif not self._latch_failed:
            self._latch_failed = True
            self._inbox.put(OutsideFault("the latch is not on the disk: a restart would not know of it"))

    def _alert(self, alert: Alert) -> None:
        _log.warning("alert %s: %s: %s", alert.severity.value, alert.title, alert.body)
        for tell in self._on_alert:
            try:
                tell(alert)
            except Exception as e:
                _log.error("an alert could not be handed over", exc_info=e)
