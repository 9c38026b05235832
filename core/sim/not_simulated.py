"""Actions that the venue knows and this one does not play: their signature and nonce are checked like any other's, then they are refused.

Never answered as if they had been done. The texts are worded here, except where a name of the venue's is beside them. Nobody here is a
multi-sig user, so whoever sends a multiSig is never one of its signers and is told so in the venue's own words.

PROTOCOL 4.3, 10.2.
"""

from __future__ import annotations

from core.sim.wire import Json

_NOT_PLAYED = frozenset(
    {
        "spotDeploy",
        "perpDeploy",
        "evmUserModify",
        "gossipPriorityBid",
        "spotUser",
        "userPortfolioMargin",
        "finalizeEvmContract",
        "borrowLend",
        "userOutcome",
        "setDisplayName",
        "CSignerAction",
        "CValidatorAction",
        "tokenDelegate",
        "convertToMultiSigUser",
        "cDeposit",
        "cWithdraw",
        "linkStakingUser",
        "validatorL1Stream",
        "validatorL1Vote",
    }
)
_WHY = {
    "setReferrer": "Referral code does not exist.",
    "registerReferrer": "Cannot generate referral code until enough volume traded. Required: $10000.",
    "claimRewards": "No rewards to claim.",
}

MULTI_SIG = "multiSig"
NOT_A_SIGNER = "Invalid multi-sig outer signer"
"""As the venue words it in public reports of its users."""

NOT_SIMULATED = _NOT_PLAYED | _WHY.keys() | {MULTI_SIG}


def why_not(action: Json) -> str:
    """What such an action is answered."""
    kind = action["type"]
    return _WHY.get(kind, f"Action {kind} is not available on this simulated exchange.")
