"""The hypothesis profile of this folder. Settings are bound when a test is defined, so the profile holds while its module is imported,
and the tests of other folders keep theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from property_budget import PROFILE


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    before = settings.get_current_profile_name()
    settings.load_profile(PROFILE)
    try:
        return (yield)
    finally:
        settings.load_profile(before)
