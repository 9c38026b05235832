"""Makes the helpers beside this file (pty_driver and the like) importable from every test."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("HIP3_GREETING", "off")  # the first page is for people; tests ask for it where it is the point
