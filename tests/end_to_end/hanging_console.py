"""The shipped console, whose engine does not come back from a turn while a file is there; run by test_hung_engine.py on a pty.

hanging_console.py FLAG_FILE run --config FILE

The loop stands still, the process lives: its other threads, the heartbeat's and the screen's among them, go on.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from core.engine.engine import Engine
from hip3_tui.cli import main

flag = Path(sys.argv[1])
_handle = Engine.handle
_never = threading.Event()


def handle(self: Engine, *args: Any) -> Any:
    while flag.exists():
        _never.wait(0.02)
    return _handle(self, *args)


Engine.handle = handle  # type: ignore[method-assign]
sys.argv = ["hip3-tui", *sys.argv[2:]]
main()
