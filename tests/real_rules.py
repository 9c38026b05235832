"""A rehearsal of a real network on this machine: a simulated exchange with its letter, a fresh agent key, a config as `hip3-tui config init` writes it."""

from __future__ import annotations

import json
import secrets
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from venue_thread import VenueThread

from core.config import Network, SimConfig
from core.config_template import Answers, template
from core.hyperliquid.signing_key import SigningKey
from core.runtime.keys import TEST_ADDRESS

SNDK_ID = 110016


def venue_under(rules: Network, **settings: Any) -> VenueThread:
    quiet = SimConfig(
        seed=7,
        network="mainnet" if rules is Network.MAINNET else "testnet",
        latency_min_ms=0,
        latency_max_ms=0,
        balance_usd=Decimal(1000),
        markets=("xyz:SNDK",),
        ip_limits=settings.pop("ip_limits", False),
    )
    return VenueThread(quiet, **settings)


@dataclass
class Rehearsal:
    """``approved``: whether the exchange knows the key as an agent of the account."""

    venue: VenueThread
    folder: Path
    rules: Network = Network.MAINNET
    approved: bool = True

    def __post_init__(self) -> None:
        secret = secrets.token_hex(32)
        self.agent = SigningKey(bytes.fromhex(secret)).address
        self.key = self.folder / "key.hex"
        self.key.touch(mode=0o600)
        self.key.write_text(secret)
        if self.approved:
            self.venue.control(do="approve_agent", user=TEST_ADDRESS, agent=self.agent, name="console")
        self.config = self.folder / "own.toml"
        self.write()

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write(self, old: str = "", new: str = "", more: str = "") -> Path:
        """The config, with one thing in it changed."""
        port = urlsplit(self.venue.url).port
        assert port is not None
        answers = Answers(
            rules=self.rules,
            account=TEST_ADDRESS,
            markets=(("xyz:SNDK", SNDK_ID),),
            key_file="key.hex",
            signer=self.agent,
            rehearse_on=port,
        )
        text = template(answers)
        assert old in text
        self.config.write_text(text.replace(old, new) + more, encoding="utf-8")
        return self.config

    def rest_a_foreign_order(self) -> int:
        """A resting order that no program of ours placed; its oid."""
        oid: int = self._place("900", "0.05", "Gtc")["resting"]["oid"]
        return oid

    def open_a_foreign_position(self) -> Decimal:
        """A position that no program of ours opened; its size."""
        return Decimal(self._place("2000", "0.02", "Ioc")["filled"]["totalSz"])

    def _place(self, price: str, size: str, tif: str) -> Any:
        """A buy with the account's own key; the exchange's word on it."""
        from core.hyperliquid.actions import canonical_action
        from core.hyperliquid.signing import sign_l1_action
        from core.runtime.keys import TEST_KEY

        order = {"a": SNDK_ID, "b": True, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}}
        action: dict[str, Any] = {"type": "order", "orders": [order], "grouping": "na"}
        nonce = self.venue.now_ms()
        signature = sign_l1_action(TEST_KEY, canonical_action(action), None, nonce, None, self.rules is Network.MAINNET)
        body = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}
        request = urllib.request.Request(
            f"{self.venue.url}/exchange", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            reply = json.load(answer)
        return reply["response"]["data"]["statuses"][0]
