"""SECURITY.md promises nothing that no test tries: every test it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_it_names_is_there() -> None:
    named = re.findall(r"`((?:tests/)?[\w/*]*test_[\w*]+\.py|tests/[\w/]+)`", PAGE)
    assert len(named) > 8
    for name in named:
        pattern = name if name.startswith("tests/") else f"tests/**/{name}"
        assert list(ROOT.glob(pattern)), name


def test_the_auditor_reads_the_lock_that_the_set_up_reads() -> None:
    assert "-r requirements.lock" in PAGE
    assert "--require-hashes" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_page_it_names_is_there() -> None:
    names = re.findall(r"`(docs/[\w.]+)`", PAGE)
    assert names
    for name in names:
        assert (ROOT / name).is_file(), name


def test_every_test_that_the_page_of_faults_names_is_there() -> None:
    page = (ROOT / "docs" / "FAULTS.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", page))
    assert len(named) > 12
    for name in named:
        assert (ROOT / (name if name.startswith("tests/") else f"tests/end_to_end/{name}")).is_file(), name
