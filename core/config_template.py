"""The text of a new config for a real network, with its comments: the two shipped ones and what `hip3-tui config init` writes are this.

Easy to get wrong: a rehearsal is the same text with other URLs and the simulator's letter, and nothing else, or it rehearses something else.

SPEC 9; plan 3.5, 3.6.
"""

from __future__ import annotations

from msgspec import Struct

from core.config_network import MAINNET_HOST, TESTNET_HOST, Network
from core.config_warnings import PLACEHOLDER

SNDK_ID = 110016
"""xyz is the first builder dex, 110000; SNDK stands at place 16 of its universe. The plan's 28 is BABA there, and AAVE on the main dex.
PROTOCOL 2.1, 2.2."""

MARKETS: dict[Network, tuple[tuple[str, int | None], ...]] = {
    Network.MAINNET: (("xyz:SNDK", SNDK_ID),),
    Network.TESTNET: (("BTC", None), ("ETH", None), ("SOL", None)),
}
"""The plan's. Ids differ between the networks, so only mainnet's are pinned."""

KEY_VARIABLE = {Network.MAINNET: "HIP3_MAINNET_PRIVATE_KEY", Network.TESTNET: "HIP3_TESTNET_PRIVATE_KEY"}


class Answers(Struct, frozen=True, kw_only=True):
    """What a new config has to be told."""

    rules: Network
    """Mainnet or testnet."""
    account: str = PLACEHOLDER
    markets: tuple[tuple[str, int | None], ...]
    """Coin and, if it is pinned, asset id."""
    key_variable: str = ""
    key_file: str = ""
    """One of the two."""
    signer: str = ""
    """The key's address; empty: not checked."""
    rehearse_on: int = 0
    """Port of our simulator on this machine; 0: the real exchange."""


def plan_answers(rules: Network) -> Answers:
    """As the plan has it, and as it is shipped: account and signer still to be filled in."""
    return Answers(rules=rules, markets=MARKETS[rules], key_variable=KEY_VARIABLE[rules])


def template(a: Answers) -> str:
    """A whole config."""
    is_mainnet = a.rules is Network.MAINNET
    host = MAINNET_HOST if is_mainnet else TESTNET_HOST
    ws, info = f"wss://{host}/ws", f"https://{host}/info"
    if a.rehearse_on:
        ws, info = f"ws://127.0.0.1:{a.rehearse_on}/ws", f"http://127.0.0.1:{a.rehearse_on}/info"
    parts = [
        _HEAD_MAINNET if is_mainnet else _HEAD_TESTNET,
        f'ws_url = "{ws}"\ninfo_url = "{info}"\nmode = "trading"         # "observation" needs no key and sends nothing\n',
        *(_market(coin, asset_id) for coin, asset_id in a.markets),
        _ACCOUNT.format(account=a.account),
        _signer(a),
        _safety(a),
        _EXECUTION_MAINNET if is_mainnet else _EXECUTION_TESTNET,
    ]
    if a.rehearse_on:
        parts.append(_REHEARSAL.format(network=a.rules.value))
    return "\n".join(parts)


def _market(coin: str, asset_id: int | None) -> str:
    if asset_id is None:
        return f'[[markets]]\ncoin = "{coin}"\n'
    pinned = f"asset_idx = {asset_id}"
    return f'[[markets]]\ncoin = "{coin}"\n{pinned:<24}# pinned: a start is refused when the exchange says otherwise\n'


def _signer(a: Answers) -> str:
    env = f'key_source = {{ type = "env_var", var_name = "{a.key_variable or KEY_VARIABLE[a.rules]}" }}'
    file = f'key_source = {{ type = "file", path = "{a.key_file or f"secrets/{a.rules.value}_key.hex"}" }}'
    first, second = (file, env) if a.key_file else (env, file)
    address = f'address = "{a.signer}"' if a.signer else f'# address = "{PLACEHOLDER}"'
    return _SIGNER.format(first=first, second=second, address=address)


def _safety(a: Answers) -> str:
    names = ", ".join(f'"{coin}"' for coin, _ in a.markets)
    return (_SAFETY_MAINNET if a.rules is Network.MAINNET else _SAFETY_TESTNET).format(names=names)


_HEAD_MAINNET = """\
# The micro run on mainnet: real money, $10-50 an order, 100 trades, a week, one operator watching.
# Fill in account.address and the key's source, then:
#   hip3-tui config check --config FILE       what does not fit, and what is worth a second look
#   hip3-tui preflight --config FILE          the same with the exchange: market, margin, key, clock, what is open already
#   hip3-tui run --config FILE                asks for one word before anything is sent
"""

_HEAD_TESTNET = """\
# Testnet: signed orders with money that is worth nothing.
# Fill in account.address and the key's source, then:
#   hip3-tui config check --config FILE       what does not fit, and what is worth a second look
#   hip3-tui preflight --config FILE          the same with the exchange: market, margin, key, clock, what is open already
#   hip3-tui run --config FILE
"""

_ACCOUNT = """\
[account]
# The account that is traded: the master's address, never the agent's. An agent's address answers "nothing there" to every question.
address = "{account}"
"""

_SIGNER = """\
[signer]
# The key of an agent that the account has approved: it can trade, not withdraw. 64 hex digits, 0x or not; never in this file.
{first}
# {second}
# The agent's address. With it, a key that derives another one is refused.
{address}
"""

_SAFETY_MAINNET = """\
[safety]
mainnet = true
max_notional_usd = 50
allowed_markets = [{names}]
max_daily_trades = 100
max_total_trades = 100          # of the run, which lasts as long as its journal
auto_stop_loss_usd = 20
checkpoints = [10, 50, 100]     # trades at which entries pause until the operator decides: go on or stop
"""

_SAFETY_TESTNET = """\
[safety]
testnet_only = true             # never starts with mainnet's URLs
max_notional_usd = 100
allowed_markets = [{names}]
max_daily_trades = 50
auto_stop_loss_usd = 20
"""

_EXECUTION_MAINNET = """\
[execution]
max_notional_per_market = 50    # an order takes a share (size_alpha) of the size at the touch, at most this
max_notional_total = 50
min_edge_bps = 10               # beyond fee and slippage
"""

_EXECUTION_TESTNET = """\
[execution]
max_notional_per_market = 50
max_notional_total = 100
min_edge_bps = 10               # beyond fee and slippage
"""

_REHEARSAL = """\
[sim]
# A rehearsal: our own simulated exchange, under {network}'s rules. Start it first: hip3-tui sim --network {network} --port PORT
network = "{network}"
"""
