"""What is asked beside trading: the right shape of little, null where the real venue says null."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sim.admission import WireFailure
from core.sim.info_beside import BESIDE_ANSWERS

STRANGER = "0x" + "9" * 40
BUILDER = "0x" + "b1" * 20


@pytest.mark.parametrize("kind", sorted(BESIDE_ANSWERS))
def test_strangers_get_an_answer_too(desk, kind):
    fields = {"user": STRANGER, "source": STRANGER, "builder": BUILDER, "vaultAddress": STRANGER, "startTime": 0}
    fields |= {"token": 0, "coin": "ETH"}
    fields["tokenId"] = "0x6d1e7cde53ba9467b783cb7c530ce054"
    asked = desk.info(kind, **fields)
    assert asked == desk.info(kind, **fields)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("subAccounts", None),
        ("userToMultiSigSigners", None),
        ("isVip", None),
        ("userDexAbstraction", None),
        ("userVaultEquities", []),
        ("delegations", []),
        ("approvedBuilders", []),
        ("userBorrowLendInterest", []),
        ("borrowLendUserState", {"tokenToState": [], "health": "healthy", "healthFactor": None}),
        ("spotClearinghouseState", {"balances": []}),
    ],
)
def test_nothing_is_null_or_empty(desk, kind, answer):
    assert desk.info(kind, user=STRANGER) == answer


def test_a_spot_universe_that_a_client_can_index(desk):
    meta, ctxs = desk.info("spotMetaAndAssetCtxs")
    assert meta == desk.info("spotMeta")
    assert [c["coin"] for c in ctxs] == [pair["name"] for pair in meta["universe"]]
    tokens = {t["index"] for t in meta["tokens"]}
    assert all(set(pair["tokens"]) <= tokens for pair in meta["universe"])
    for token in meta["tokens"]:
        assert desk.info("tokenDetails", tokenId=token["tokenId"])["name"] == token["name"]
    with pytest.raises(WireFailure, match="500: null"):
        desk.info("tokenDetails", tokenId="0x00")


def test_spot_money_is_shown(desk):
    desk.exchange.venue.accounts[desk.user].spot_usd = Decimal("14.625485")
    assert desk.info("spotClearinghouseState", user=desk.user)["balances"] == [
        {"coin": "USDC", "token": 0, "total": "14.625485", "hold": "0.0", "entryNtl": "0.0"}
    ]


def test_approved_builders(desk):
    assert desk.info("maxBuilderFee", user=desk.user, builder=BUILDER) == 0
    desk.exchange.venue.accounts[desk.user].builders[BUILDER] = 10
    assert desk.info("maxBuilderFee", user=desk.user, builder=BUILDER.upper().replace("0X", "0x")) == 10
    assert desk.info("approvedBuilders", user=desk.user) == [BUILDER]
    with pytest.raises(WireFailure, match="422"):
        desk.info("maxBuilderFee", user=desk.user)


def test_the_portfolio_adds_up(desk):
    desk.order(True, "1700", "0.05")
    desk.order(False, "1690", "0.05")
    periods = dict(desk.info("portfolio", user=desk.user))
    assert list(periods) == ["day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime"]
    ((at, earned),) = periods["day"]["pnlHistory"]
    fills = desk.info("userFills", user=desk.user)
    assert Decimal(earned) == sum(Decimal(f["closedPnl"]) - Decimal(f["fee"]) for f in fills)
    assert (at, periods["day"]["vlm"]) == (desk.now_ms, "169.85")
    assert dict(desk.info("portfolio", user=STRANGER))["day"]["accountValueHistory"] == []


def test_a_transfer_to_a_stranger_costs_an_activation(desk):
    check = desk.info("preTransferCheck", user=STRANGER, source=desk.user)
    assert (check["userExists"], check["fee"]) == (False, "1.0")
