"""Put on PYTHONPATH as `sitecustomize`: the wall clock is off by the milliseconds in the file SHIFTED_CLOCK, as if somebody had set it."""

from __future__ import annotations

import os
import time
from pathlib import Path

_file = Path(os.environ["SHIFTED_CLOCK"])
_time, _time_ns = time.time, time.time_ns


def _offset_ms() -> int:
    return int(_file.read_text() or 0) if _file.exists() else 0


time.time = lambda: _time() + _offset_ms() / 1000
time.time_ns = lambda: _time_ns() + _offset_ms() * 1_000_000
