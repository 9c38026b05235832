"""PostRequestManager: one count of inflight, read off the open posts."""

from __future__ import annotations

import pytest
from engine_rig import NOW
from hypothesis import given
from hypothesis import strategies as st

from core.engine.posts import OpenPost, PostRequestManager
from core.model.order import Cancels


def opened(posts: PostRequestManager, deadline_ms: int = NOW + 5_000) -> int:
    post_id = posts.next_id()
    posts.register(OpenPost(post_id, 1, Cancels(()), NOW, deadline_ms, None))
    return post_id


def test_post_ids_are_never_used_twice() -> None:
    posts = PostRequestManager()
    assert [opened(posts), opened(posts)] == [1, 2]
    posts.close(2)
    assert opened(posts) == 3


def test_an_unsent_post_does_not_count_and_its_end_neither() -> None:
    posts = PostRequestManager()
    post_id = opened(posts)
    assert posts.has_unsent
    assert posts.inflight == 0
    posts.close(post_id)
    assert (posts.inflight, posts.sent_total, posts.completed_total) == (0, 0, 0)


def test_a_sent_post_counts_until_it_is_closed_once() -> None:
    posts = PostRequestManager()
    post_id = opened(posts)
    assert posts.mark_as_sent(post_id, NOW)
    assert not posts.mark_as_sent(post_id, NOW)
    assert not posts.has_unsent
    assert posts.inflight == 1
    assert posts.close(post_id) is not None
    assert posts.close(post_id) is None
    assert posts.inflight == 0


def test_a_closed_post_cannot_be_marked_as_sent() -> None:
    posts = PostRequestManager()
    post_id = opened(posts)
    posts.close(post_id)
    assert not posts.mark_as_sent(post_id, NOW)
    assert posts.sent_total == 0


def test_overdue_at_the_deadline_exactly() -> None:
    posts = PostRequestManager()
    first, second = opened(posts, NOW + 10), opened(posts, NOW + 20)
    assert posts.overdue(NOW + 9) == []
    assert posts.overdue(NOW + 10) == [first]
    assert posts.overdue(NOW + 20) == [first, second]


def test_the_same_post_is_not_opened_twice() -> None:
    posts = PostRequestManager()
    opened(posts)
    with pytest.raises(AssertionError, match="post 1 is open already"):
        posts.register(OpenPost(1, 1, Cancels(()), NOW, NOW, None))


@given(st.lists(st.tuples(st.sampled_from(["open", "sent", "close"]), st.integers(1, 8)), max_size=60))
def test_inflight_is_sent_minus_completed_and_the_sent_ones_that_are_open(steps: list[tuple[str, int]]) -> None:
    posts = PostRequestManager()
    for what, post_id in steps:
        if what == "open":
            opened(posts)
        elif what == "sent":
            posts.mark_as_sent(post_id, NOW)
        else:
            posts.close(post_id)
        sent_and_open = [i for i in posts.open_ids() if (p := posts.get(i)) and p.sent]
        assert posts.inflight == posts.sent_total - posts.completed_total == len(sent_and_open) >= 0
