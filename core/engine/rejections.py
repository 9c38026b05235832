"""What a refusal of the exchange means. Matched by part of the text, ignoring case and the asset suffix: spellings vary between builds.

Decides whether a rejection is explained by the market (shown, not counted toward the limit per hour), asks us to wait, or is a
fault of ours. An error text that is not known counts: better one stop too many.

SPEC 8 (triggers); PROTOCOL 10; lessons L15, L20, L21, L33.
"""

from __future__ import annotations

from enum import Enum


class Rejection(Enum):
    MARKET = "explained by the market"
    """The book moved, or the position was gone already. Does not count."""
    POST_ONLY_PHASE = "post-only phase"
    """Minutes after a network upgrade. Entries back off; does not count."""
    RATE_LIMIT = "address budget used up"
    GONE = "already gone"
    """A cancel of an order that is done: success in disguise."""
    EXPIRED = "expired"
    DUPLICATE_NONCE = "duplicate nonce"
    SIGNATURE = "signature mismatch"
    """A wallet nobody knows: wrong key, agent not approved, or bytes that differ from what was signed."""
    OTHER = "other"

    @property
    def counts(self) -> bool:
        """Whether it counts toward the limit of rejections per hour."""
        return self in (Rejection.OTHER, Rejection.SIGNATURE, Rejection.DUPLICATE_NONCE)


_PATTERNS: tuple[tuple[str, Rejection], ...] = (
    ("could not immediately match", Rejection.MARKET),
    ("ioccancel", Rejection.MARKET),
    ("reduce only order would increase", Rejection.MARKET),
    ("reduceonly", Rejection.MARKET),
    ("would have immediately matched", Rejection.MARKET),
    ("badalopx", Rejection.MARKET),
    ("no liquidity available", Rejection.MARKET),
    ("minimum value", Rejection.MARKET),
    ("mintradentl", Rejection.MARKET),
    ("noliquidity", Rejection.MARKET),
    ("open interest", Rejection.MARKET),
    ("openinterest", Rejection.MARKET),
    ("only post-only orders", Rejection.POST_ONLY_PHASE),
    ("too many cumulative requests", Rejection.RATE_LIMIT),
    ("never placed, already canceled", Rejection.GONE),
    ("action already expired", Rejection.EXPIRED),
    ("duplicate nonce", Rejection.DUPLICATE_NONCE),
    ("api wallet", Rejection.SIGNATURE),
    ("must deposit before", Rejection.SIGNATURE),
    ("unable to recover signer", Rejection.SIGNATURE),
)


_WORDS = frozenset(
    [
        "rejected",
        "tickrejected",
        "mintradentlrejected",
        "mintradespotntlrejected",
        "perpmarginrejected",
        "reduceonlyrejected",
        "badalopxrejected",
        "ioccancelrejected",
        "badtriggerpxrejected",
        "marketordernoliquidityrejected",
        "positionincreaseatopeninterestcaprejected",
        "positionflipatopeninterestcaprejected",
        "tooaggressiveatopeninterestcaprejected",
        "openinterestincreaserejected",
        "insufficientspotbalancerejected",
        "oraclerejected",
        "perpmaxpositionrejected",
        "toomanyopenordersrejected",
    ]
)
"""Status words of an order that was refused, as documented (PROTOCOL 7.2)."""


def is_known_word(status_text: str) -> bool:
    """Whether a status word is one of those that certainly mean: refused, nothing filled."""
    return status_text.lower() in _WORDS


def classify(error: str) -> Rejection:
    text = error.lower()
    return next((kind for pattern, kind in _PATTERNS if pattern in text), Rejection.OTHER)
