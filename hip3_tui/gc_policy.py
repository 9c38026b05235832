"""When Python's garbage collector may run, so that it does not hold the engine's thread while prices move.

A full collection of everything that was imported holds the interpreter 50-190 ms. So what lives for ever is frozen after the first frame,
the automatic full collection is put out of reach, and a full one of the small rest is made on our own timer (1.6 ms, measured).
Textual makes cyclic garbage, so collecting never at all would leak. Easy to get wrong: the first frame is not the last import. The engine's
thread loads its network libraries later, a first dialog loads its own parts, and each would make every collection slow from then on;
so a collection that took long is followed by another freeze. That must stay rare: what is alive when it is frozen is never collected again,
and some of it will be the garbage of the next minute. A freeze after every slow collection on a busy machine leaked 100 MB an hour. So
there are only a few in a run, and slow is measured in processor time, not by the clock on the wall.

DESIGN "Hosting", TEXTUAL 2.3.
"""

from __future__ import annotations

import gc
import time

COLLECT_EVERY_S = 5.0
SLOW_S = 0.003
"""A collection of the small rest takes half of this; one that takes longer walks over things that came to stay."""

_GENERATION_0 = 700
_GENERATION_1 = 2
"""Python's own 10 lets drawing pile up 7,000 objects, a pause of 3-7 ms every second and a half; after two it is 1 ms. Measured."""
_GENERATION_2_NEVER = 1_000_000


MOST_FREEZES = 6
"""After the first frame: the network libraries, the first screens. Each keeps at most some 100 kB that should not be."""
_freezes_left = MOST_FREEZES


def start() -> None:
    """Once, after the first frame is painted. Changes the collector of the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GENERATION_0, _GENERATION_1, _GENERATION_2_NEVER)


def collect() -> None:
    """Every `COLLECT_EVERY_S`, in place of the automatic full collection."""
    global _freezes_left
    begun = time.thread_time()
    gc.collect()
    if time.thread_time() - begun > SLOW_S and _freezes_left:
        _freezes_left -= 1
        gc.freeze()
