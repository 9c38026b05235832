"""What signing one order action costs, against the bare libsecp256k1 call and against the official SDK.

All are measured in one run, call by call in turns, so that a slow moment of the machine falls on each alike and a call that lost
the processor half way is one outlier among thousands. The ratios are what counts.
Run by ``make bench``, or alone: ``python tests/benchmarks/bench_signing.py``.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import coincurve
from eth_account import Account
from hyperliquid.utils import signing as sdk

from core.hyperliquid.signing import SigningKey, sign_l1_action

ROUNDS = 3_000
WARM_UP = 50
SDK_EVERY = 20
"""The SDK gets a turn in one round of so many: it is slow, and what follows it starts with cold caches."""

AIM = 2.0
"""Our signature may cost this many times the bare call."""

BARE = "bare coincurve sign_recoverable"
OURS = "ours, prepared key"
SDK = "official SDK, same backend"

SECRET = bytes(31) + b"\x07"
ORDER = {
    "type": "order",
    "orders": [
        {
            "a": 110016,
            "b": True,
            "p": "1698.1",
            "s": "0.05",
            "r": False,
            "t": {"limit": {"tif": "Ioc"}},
            "c": "0x6869703300000001000000000000abcd",
        }
    ],
    "grouping": "na",
}
NONCE = 1_705_000_000_000
EXPIRES = NONCE + 5_000


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """The median microseconds of one call of each candidate."""
    bare = coincurve.PrivateKey(SECRET)
    prepared = SigningKey(SECRET)
    wallet = Account.from_key(SECRET)
    digest = b"\x5a" * 32
    candidates: dict[str, tuple[int, Callable[[], Any]]] = {
        BARE: (1, lambda: bare.sign_recoverable(digest, hasher=None)),
        OURS: (1, lambda: sign_l1_action(prepared, ORDER, None, NONCE, EXPIRES, False)),
        "ours, eth-account wallet": (1, lambda: sign_l1_action(wallet, ORDER, None, NONCE, EXPIRES, False)),
        SDK: (SDK_EVERY, lambda: sdk.sign_l1_action(wallet, ORDER, None, NONCE, EXPIRES, False)),
    }
    theirs = sdk.sign_l1_action(wallet, ORDER, None, NONCE, EXPIRES, False)
    ours = sign_l1_action(prepared, ORDER, None, NONCE, EXPIRES, False)
    assert int(ours["r"], 16) == int(theirs["r"], 16), "two candidates that sign different things cannot be compared"
    assert int(ours["s"], 16) == int(theirs["s"], 16), "two candidates that sign different things cannot be compared"

    samples: dict[str, list[float]] = {name: [] for name in candidates}
    gc.collect()
    gc.disable()
    try:
        for round_number in range(-WARM_UP, rounds):
            for name, (every, call) in candidates.items():
                if round_number % every:
                    continue
                start = time.perf_counter_ns()
                call()
                if round_number >= 0:
                    samples[name].append((time.perf_counter_ns() - start) / 1_000)
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in samples.items()}


def main() -> None:
    medians = measure()
    print(f"signing one order action, median of {ROUNDS} calls in turns")
    for name, microseconds in medians.items():
        print(f"  {name:32} {microseconds:8.1f} us   {microseconds / medians[BARE]:6.2f} x the bare call")
    ratio = medians[OURS] / medians[BARE]
    print(f"  aim: ours at most {AIM:.1f} x the bare call: {'met' if ratio <= AIM else 'MISSED'} ({ratio:.2f} x)")
    print(f"  the SDK takes {medians[SDK] / medians[OURS]:.1f} x ours")


if __name__ == "__main__":
    main()
