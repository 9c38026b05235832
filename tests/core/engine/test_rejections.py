"""What a refusal means, for both spellings: the error text of the reply and the status of the order update (PROTOCOL 10)."""

from __future__ import annotations

import pytest

from core.engine.rejections import Rejection, classify, is_known_word


@pytest.mark.parametrize(
    "text",
    [
        "Order could not immediately match against any resting orders. asset=110016",
        "iocCancelRejected",
        "Reduce only order would increase position. asset=1",
        "reduceOnlyRejected",
        "Post only order would have immediately matched, bbo was 1@2. asset=1",
        "badAloPxRejected",
        "No liquidity available for market order.",
        "marketOrderNoLiquidityRejected",
        "Order must have minimum value of $10. asset=5",
        "minTradeNtlRejected",
        "Order would increase open interest while open interest is capped",
        "positionIncreaseAtOpenInterestCapRejected",
        "positionFlipAtOpenInterestCapRejected",
        "Order rejected due to price more aggressive than oracle while at open interest cap",
        "tooAggressiveAtOpenInterestCapRejected",
        "Order would increase open interest too quickly",
        "openInterestIncreaseRejected",
    ],
)
def test_explained_by_the_market_and_not_counted(text: str) -> None:
    assert classify(text) is Rejection.MARKET
    assert not classify(text).counts


@pytest.mark.parametrize(
    ("text", "kind", "counts"),
    [
        ("Only post-only orders allowed immediately after network upgrade", Rejection.POST_ONLY_PHASE, False),
        ("Too many cumulative requests sent (10001 > 10000)", Rejection.RATE_LIMIT, False),
        ("Order was never placed, already canceled, or filled. asset=3", Rejection.GONE, False),
        ("Action already expired", Rejection.EXPIRED, False),
        ("Invalid nonce: duplicate nonce 1705000000000", Rejection.DUPLICATE_NONCE, True),
        ("User or API Wallet 0xabc does not exist.", Rejection.SIGNATURE, True),
        ("Must deposit before performing actions. User: 0xabc", Rejection.SIGNATURE, True),
        ("Unable to recover signer.", Rejection.SIGNATURE, True),
        ("Price must be divisible by tick size. asset=1", Rejection.OTHER, True),
        ("Insufficient margin to place order. asset=1", Rejection.OTHER, True),
        ("tickRejected", Rejection.OTHER, True),
        ("something nobody ever saw", Rejection.OTHER, True),
        ("", Rejection.OTHER, True),
    ],
)
def test_the_rest(text: str, kind: Rejection, counts: bool) -> None:
    assert classify(text) is kind
    assert classify(text.upper()) is kind
    assert kind.counts is counts


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("rejected", True),
        ("iocCancelRejected", True),
        ("tickRejected", True),
        ("tooManyOpenOrdersRejected", True),
        ("somethingNewRejected", False),
        ("holdingPattern", False),
        ("canceled", False),
        ("", False),
    ],
)
def test_the_status_words_that_certainly_mean_refused(word: str, known: bool) -> None:
    assert is_known_word(word) is known
