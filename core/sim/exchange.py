"""The simulated exchange: the one object the server, the tests and the simulator talk to.

    info(request, now_ms)      what POST /info answers
    submit(envelope, now_ms)   an action: checked, executed, answered
    advance(now_ms)            the market moves on in blocks, resting orders are met by it
    control(command, now_ms)   what only we can ask: the truth, faults, money, pinned prices

Never waits, sleeps, reads a clock or draws unseeded dice. Easy to get wrong: an action is executed in the instant of `submit`; whoever wants
blocks with the venue's order inside them sorts by `Envelope.block_class` first (the server does).

PROTOCOL 14.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.sim import info, upkeep, wire
from core.sim.action_log import ActionLog, entry
from core.sim.actions_desk import execute
from core.sim.admission import Envelope, admit, check_range, decode, signer_of
from core.sim.book import Gone
from core.sim.control import run_control
from core.sim.desk import settle
from core.sim.faults import FaultBoard
from core.sim.market import BLOCK_MS
from core.sim.outbox import UserEvent
from core.sim.refused import Refused
from core.sim.universe import Universe, real_universe
from core.sim.venue import Venue
from core.sim.wire import Json

PUBLIC_TEST_ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
"""Belongs to a key that everybody knows; always funded here, worthless everywhere else."""

_MOST_BLOCKS_AT_ONCE = 100
_ABOUT_ORDERS = ("order", "modify", "batchModify", "cancel", "cancelByCloid")


class Submission(Struct, frozen=True):
    """What became of an action."""

    reply: Json
    user: str | None
    """Who acted; None when that never became clear."""
    is_swallowed: bool = False
    """Nobody gets this reply: the fault black_hole."""


class Block(Struct, frozen=True):
    """What changed since the last call of `advance`."""

    now_ms: int
    coins: tuple[str, ...]
    """Coins whose book may look different."""
    trades: tuple[wire.Trade, ...]
    user_events: tuple[UserEvent, ...]
    users: tuple[str, ...]
    """Accounts whose orders, positions or balances changed."""

    @property
    def changed_something(self) -> bool:
        return bool(self.coins or self.trades or self.user_events or self.users)


class Exchange:
    """A whole venue. One owner, one thread."""

    def __init__(
        self,
        *,
        seed: int,
        markets: tuple[str, ...],
        balance_usd: Decimal,
        start_ms: int,
        accounts: tuple[str, ...] = (),
        is_mainnet: bool = False,
        universe: Universe | None = None,
    ) -> None:
        """
        Args:
            markets: Coins that move; the rest of each universe is listed and stays quiet.
            balance_usd: What each funded account has on each dex.
            accounts: Funded besides the public test account.
            is_mainnet: Which of the two signature letters is accepted.

        Raises:
            ValueError: A market that is not listed.
        """
        self.venue = Venue(universe or real_universe(), seed, markets, start_ms)
        self.is_mainnet = self.venue.is_mainnet = is_mainnet
        self.is_paused = False
        self.actions = ActionLog()
        for user in (PUBLIC_TEST_ACCOUNT, *accounts):
            if user.lower() not in self.venue.accounts:
                self.venue.fund(user.lower(), balance_usd)

    @property
    def faults(self) -> FaultBoard:
        return self.venue.faults

    def info(self, request: Any, now_ms: int) -> Any:
        """The body of an info answer.

        Raises:
            WireFailure: Where the venue answers with an HTTP failure.
        """
        return info.answer(self.venue, request, now_ms)

    # actions -------------------------------------------------------------------------------------------------------

    def decode(self, raw: Any) -> Envelope:
        """Read the body of an exchange request.

        Raises:
            WireFailure: 422.
        """
        return decode(raw)

    def acting_user(self, envelope: Envelope) -> str | None:
        """Whose account an action is about, or None when its signature is nobody's; changes nothing."""
        try:
            signer = signer_of(envelope, self.is_mainnet)
        except Refused:
            return None
        return self.venue.agents.get(signer, signer) if envelope.vault_address is None else envelope.vault_address

    def submit(self, envelope: Envelope, now_ms: int, *, verified_signer: str | None = None) -> Submission:
        """Check and execute one action, and answer it. What users are told about it comes with the next block.

        Args:
            verified_signer: Who signed, for a caller that vouches for it; the signature is not looked at. For simulations that do not
                sign; whatever comes over a socket is never vouched for.
        """
        signer: str | None = None
        account = None
        try:
            check_range(envelope, now_ms)
            signer = verified_signer or signer_of(envelope, self.is_mainnet)
            account = admit(self.venue, envelope, signer, now_ms)
            upkeep.pay_the_hour(self.venue, now_ms)
            response = execute(self.venue, account, envelope, now_ms)
        except Refused as e:
            self._log(envelope, now_ms, signer, None if account is None else account.user, e.text, None)
            return Submission({"status": "err", "response": e.text}, None if account is None else account.user)
        self._log(envelope, now_ms, signer, account.user, None, response)
        is_swallowed = envelope.kind in _ABOUT_ORDERS and self._falls_into_a_hole(account.user, now_ms)
        return Submission({"status": "ok", "response": response}, account.user, is_swallowed)

    def _falls_into_a_hole(self, user: str, now_ms: int) -> bool:
        if self.faults.strike("black_hole", now_ms, user) is None:
            return False
        self.venue.outbox.hush(user)
        return True

    def _log(
        self,
        envelope: Envelope,
        now_ms: int,
        signer: str | None,
        user: str | None,
        error: str | None,
        response: Json | None,
    ) -> None:
        data = None if response is None else response.get("data")
        statuses = data.get("statuses") if isinstance(data, dict) else None  # a TWAP's is told by its history
        self.actions.add(entry(self.venue.universe, envelope, now_ms, signer, user, error, statuses))

    # time ----------------------------------------------------------------------------------------------------------

    def advance(self, now_ms: int) -> Block:
        """Let the market live up to now, in blocks of a fixed length, and collect what changed.

        After a long pause of the caller only the last blocks are lived; the rest of the time is skipped.
        """
        venue = self.venue
        behind = (now_ms - venue.block_ms) // BLOCK_MS
        if behind > _MOST_BLOCKS_AT_ONCE:
            venue.block_ms += (behind - _MOST_BLOCKS_AT_ONCE) * BLOCK_MS
        while venue.block_ms + BLOCK_MS <= now_ms:
            venue.block_ms += BLOCK_MS
            self._block(venue.block_ms)
        if not (venue.touched or venue.new_trades or venue.changed_users or venue.outbox.has_news):
            return Block(venue.block_ms, (), (), (), ())  # every other block
        block = Block(
            venue.block_ms,
            tuple(venue.touched),
            tuple(venue.new_trades),
            venue.outbox.drain(venue.block_ms),
            tuple(venue.changed_users),
        )
        venue.touched = {}
        venue.new_trades = []
        venue.changed_users = {}
        return block

    def _block(self, block_ms: int) -> None:
        venue = self.venue
        venue.trouble.strike(venue, venue.faults, block_ms)
        is_paused = self.is_paused
        for coin in venue.live_coins():
            market, book = venue.markets[coin], venue.books[coin]
            changed = book.refill(block_ms)
            if market.moves and not is_paused:
                moved, trade = market.step(block_ms)
                changed = changed or moved
                if trade is not None:
                    tx, tid = venue.market_trade_id(coin)
                    users = (wire.STRANGER, wire.STRANGER)
                    venue.record_trade(coin, trade.is_buy, trade.px, trade.sz, users, tx, tid, block_ms)
            if book.has_resting:
                for step in book.met_by_market(block_ms, venue.can_pay):
                    if isinstance(step, Gone):
                        venue.ended(step.order, step.status, block_ms)
                    else:
                        settle(venue, step, None, block_ms)
            if changed:
                venue.touched[coin] = None
        upkeep.run(venue, block_ms)

    # ours ----------------------------------------------------------------------------------------------------------

    def control(self, command: Any, now_ms: int) -> Json:
        """Run one /control command.

        Raises:
            ControlError: Unknown or incomplete; the text lists what is allowed.
        """
        return run_control(self, command, now_ms)


__all__ = ["PUBLIC_TEST_ACCOUNT", "Block", "Exchange", "Submission"]
