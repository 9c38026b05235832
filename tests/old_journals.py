"""Journals that older versions of this program really wrote: two runs each on the simulator, the second of them killed.

`golden/journals/format_N.db.gz` is the file as the program of that format left it, its tape cut short to stay small.
"""

from __future__ import annotations

import gzip
from pathlib import Path

FORMATS = (1, 2)
_FOLDER = Path(__file__).parent / "golden" / "journals"


def unpack(format_: int, to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(gzip.decompress((_FOLDER / f"format_{format_}.db.gz").read_bytes()))
    return to
