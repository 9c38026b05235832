"""What signing one order action costs, against the bare libsecp256k1 call and against the official SDK.

All are measured in one run, in turns, so that a slow moment of the machine falls on each alike; the ratios are what counts.
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

ROUNDS = 60
CALLS = 40
"""Calls of each candidate in one round; the SDK gets a tenth of them."""

AIM = 2.0
"""Our signature may cost this many times the bare call."""

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


def measure() -> dict[str, float]:
    """The median microseconds of one call of each candidate."""
    bare = coincurve.PrivateKey(SECRET)
    prepared = SigningKey(SECRET)
    wallet = Account.from_key(SECRET)
    digest = b"\x5a" * 32
    candidates: dict[str, tuple[int, Callable[[], Any]]] = {
        "bare coincurve sign_recoverable": (CALLS, lambda: bare.sign_recoverable(digest, hasher=None)),
        "ours, prepared key": (CALLS, lambda: sign_l1_action(prepared, ORDER, None, NONCE, EXPIRES, False)),
        "ours, eth-account wallet": (CALLS, lambda: sign_l1_action(wallet, ORDER, None, NONCE, EXPIRES, False)),
        "official SDK, same backend": (
            CALLS // 10,
            lambda: sdk.sign_l1_action(wallet, ORDER, None, NONCE, EXPIRES, False),
        ),
    }
    theirs = sdk.sign_l1_action(wallet, ORDER, None, NONCE, EXPIRES, False)
    ours = sign_l1_action(prepared, ORDER, None, NONCE, EXPIRES, False)
    assert int(ours["r"], 16) == int(theirs["r"], 16), "two candidates that sign different things cannot be compared"
    assert int(ours["s"], 16) == int(theirs["s"], 16), "two candidates that sign different things cannot be compared"

    samples: dict[str, list[float]] = {name: [] for name in candidates}
    gc.collect()
    gc.disable()
    try:
        for round_number in range(ROUNDS + 1):
            for name, (calls, call) in candidates.items():
                start = time.perf_counter_ns()
                for _ in range(calls):
                    call()
                if round_number:  # the first round warms up
                    samples[name].append((time.perf_counter_ns() - start) / calls / 1_000)
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in samples.items()}


def main() -> None:
    medians = measure()
    floor = medians["bare coincurve sign_recoverable"]
    print(f"signing one order action, median of {ROUNDS} interleaved rounds")
    for name, microseconds in medians.items():
        print(f"  {name:32} {microseconds:8.1f} us   {microseconds / floor:6.2f} x the bare call")
    ratio = medians["ours, prepared key"] / floor
    print(f"  aim: ours at most {AIM:.1f} x the bare call: {'met' if ratio <= AIM else 'MISSED'} ({ratio:.2f} x)")
    print(f"  the SDK takes {medians['official SDK, same backend'] / medians['ours, prepared key']:.1f} x ours")


if __name__ == "__main__":
    main()
