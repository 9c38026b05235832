"""Several stories of real processes at once: most of each is waiting, and one after the other they take minutes.

A story is a function of a folder. Those that were selected begin together, as many as fit, and each test waits for its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

AT_ONCE = 4

Story = Callable[[Path], None]


def begin_together(
    request: pytest.FixtureRequest, folder: Path, stories: dict[str, Story]
) -> Iterator[dict[str, Future[None]]]:
    """For a fixture of module scope.

    Args:
        stories: By the name that their test has as its parameter ``story``.
    """
    wanted = []
    for item in request.session.items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if item.path == request.path and params.get("story") in stories:
            wanted.append(params["story"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(_play, stories[name], folder / name) for name in dict.fromkeys(wanted)}
        pool.shutdown(cancel_futures=True)


def _play(story: Story, folder: Path) -> None:
    folder.mkdir()
    story(folder)
