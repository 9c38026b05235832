"""When Python's garbage collector may run, so that it does not hold the engine's thread while prices move.

A full collection of everything that was imported holds the interpreter 50-190 ms. So what lives for ever is frozen after the first frame,
the automatic full collection is put out of reach, and a full one of the small rest is made on our own timer (1.6 ms, measured).
Textual makes cyclic garbage, so collecting never at all would leak.

DESIGN "Hosting", TEXTUAL 2.3.
"""

from __future__ import annotations

import gc

COLLECT_EVERY_S = 5.0

_GENERATION_0 = 700
_GENERATION_1 = 10
_GENERATION_2_NEVER = 1_000_000


def start() -> None:
    """Once, after the first frame is painted. Changes the collector of the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GENERATION_0, _GENERATION_1, _GENERATION_2_NEVER)


def collect() -> None:
    """Every `COLLECT_EVERY_S`, in place of the automatic full collection."""
    gc.collect()
