"""The road: what it promises to the engine, whatever breaks."""

from __future__ import annotations

import pytest
from world_rig import live, quiet_world

from core.hyperliquid.actions import envelope
from core.messages.events import (
    Bbo,
    ChannelError,
    Connected,
    Disconnected,
    PostNotSent,
    PostRefused,
    PostSent,
    Subscribed,
)
from core.sim.world.plan import START_MS
from core.sim.world.program import NO_SIGNATURE
from core.sim.world.road import PING_EVERY_MS, PONG_WITHIN_MS

PAYLOAD = {"action": {"type": "noop"}, "nonce": 1, "signature": {}, "vaultAddress": None}


@pytest.fixture
def road():
    """A quiet world that has settled, with what it heard from here on."""
    world, ears = quiet_world()
    live(world, 3_000)
    ears.heard.clear()
    return world, ears


def test_it_connects_and_subscribes_to_the_account_first():
    world, ears = quiet_world()
    live(world, 2_000)
    assert [m.epoch for m in ears.of(Connected)] == [1]
    assert [m.channel for m in ears.of(Subscribed)][:2] == ["orderUpdates", "userFills"]
    assert world.road.connected


def test_a_cut_is_told_at_once_and_comes_before_anything_of_the_next_connection(road):
    world, ears = road
    world.road.cut()
    assert [type(m) for m in ears.of(Connected, Disconnected, Bbo, Subscribed)] == [Disconnected]
    live(world, 5_000)
    told = ears.of(Connected, Disconnected, Bbo, Subscribed)
    assert [type(m) for m in told[:2]] == [Disconnected, Connected]
    assert told[1].epoch == 2


def test_what_was_on_its_way_down_when_it_broke_is_gone(road):
    world, ears = road
    socket = world.road._socket
    world.road._down(socket, '{"channel":"error","data":"late"}')
    world.road.cut()
    live(world, 200)
    assert not [m for m in ears.of(ChannelError) if "late" in m.text]


def test_a_post_that_is_handed_over_counts_as_sent_at_once(road):
    world, ears = road
    world.road.post(77, PAYLOAD)
    assert ears.of(PostSent, PostNotSent) == [PostSent(77)]
    assert world.road.is_under_way(1)
    live(world, 500)
    assert not world.road.is_under_way(1)


def test_without_a_connection_nothing_leaves(road):
    world, ears = road
    world.road.cut()
    world.road.post(77, PAYLOAD)
    assert ears.of(PostSent, PostNotSent) == [PostNotSent(77, "not connected")]
    assert not world.road.is_under_way(1)


def test_a_write_that_fails_leaves_nothing_on_the_way(road):
    world, ears = road
    world.road.refuse_sends = 1
    world.road.post(77, PAYLOAD)
    world.road.post(78, PAYLOAD)
    assert ears.of(PostSent, PostNotSent) == [PostNotSent(77, "the write failed"), PostSent(78)]


def test_a_repeat_is_the_same_bytes_or_nothing(road):
    world, ears = road
    world.road.repost(78, 77)
    (refused,) = ears.of(PostNotSent)
    assert "77" in refused.reason
    world.road.payloads[77] = PAYLOAD
    world.road.repost(79, 77)
    assert world.road.payloads[79] is PAYLOAD


def test_a_venue_that_takes_nobody_is_asked_again_and_again(road):
    world, ears = road
    world.road.closed_until_ms = world.agenda.now_ms + 10_000
    world.road.cut()
    live(world, 9_900)
    assert len(ears.of(ChannelError)) >= 3
    assert not ears.of(Connected)
    live(world, 5_000)
    assert len(ears.of(Connected)) == 1


def test_a_connection_that_only_looks_open_is_given_up_when_no_pong_comes(road):
    world, ears = road
    world.road.deaf_until_ms = world.agenda.now_ms + 60_000
    live(world, PING_EVERY_MS + PONG_WITHIN_MS + 200)
    told = [m.reason for m in ears.of(Disconnected)]
    assert told
    assert not [m for m in ears.of(Bbo) if not m.from_book]


def test_on_an_orderly_road_no_frame_overtakes_another():
    for orderly in (True, False):
        world, _ = quiet_world(orderly=orderly, latency_min_ms=0, latency_max_ms=2_000)
        live(world, 4_000)
        socket = world.road._socket
        assert socket is not None
        socket.down_free_ms.clear()
        for number in range(20):
            world.road._down(socket, f'{{"channel":"c{number}","data":""}}')
        assert len(socket.down_free_ms) == (1 if orderly else 20)


def test_a_program_that_is_gone_leaves_no_signed_bytes_behind(road):
    world, ears = road
    world.road.payloads[77] = PAYLOAD
    world.road.program_gone()
    assert not world.road.payloads
    assert not ears.of(Disconnected)


def noop(nonce):
    """An action that the venue takes."""
    return envelope({"type": "noop"}, nonce, NO_SIGNATURE, None, None)


def test_an_action_may_be_carried_out_and_answered_with_a_failure(road):
    world, ears = road
    fault = {"do": "fault", "name": "http_502", "road": "exchange", "executed": True}
    world.exchange.control(fault, world.agenda.now_ms)
    taken = len(world.exchange.actions)
    world.road.post(77, noop(1))
    live(world, 500)
    assert len(world.exchange.actions) == taken + 1
    assert world.hindered_until_ms > START_MS, "what fails before the venue is in the way of an exit"
    (refused,) = ears.of(PostRefused)
    assert (refused.post_id, refused.is_transport) == (77, True)
    world.road.post(78, noop(2))
    live(world, 500)
    assert not ears.of(PostRefused)[-1].is_transport, "once, and no more"


def test_what_is_read_slowly_piles_up_before_the_venue(road):
    world, _ = road
    slow = {"do": "fault", "name": "slow_reads", "ms": 1_000, "for_ms": 60_000}
    world.exchange.control(slow, world.agenda.now_ms)
    for number in range(3):
        world.road.post(80 + number, noop(10 + number))
    live(world, 900)
    assert [world.road.is_under_way(10 + number) for number in range(3)] == [False, True, True]
    live(world, 2_000)
    assert not world.road.is_under_way(12)


def test_in_a_storm_a_post_takes_longer(road):
    world, _ = road
    storm = {"do": "fault", "name": "latency_storm", "ms": 4_000, "for_ms": 60_000}
    world.exchange.control(storm, world.agenda.now_ms)
    world.road.post(77, noop(1))
    live(world, 21)
    assert world.road.is_under_way(1)
    live(world, 4_000)
    assert not world.road.is_under_way(1)


def test_what_waits_before_the_socket_leaves_later_in_its_order(road):
    world, ears = road
    world.road.jammed_until_ms = world.agenda.now_ms + 700
    world.road.post(77, noop(1))
    world.road.post(78, noop(2))
    live(world, 699)
    assert ears.of(PostSent, PostNotSent) == []
    assert world.road.is_under_way(2)
    live(world, 2)
    assert ears.of(PostSent, PostNotSent) == [PostSent(77), PostSent(78)]


def test_what_waits_before_the_socket_when_it_breaks_was_never_sent(road):
    world, ears = road
    world.road.jammed_until_ms = world.agenda.now_ms + 700
    world.road.post(77, noop(1))
    world.road.cut()
    told = ears.of(PostSent, PostNotSent, Disconnected)
    assert [type(m) for m in told] == [Disconnected, PostNotSent]
    assert not world.road.is_under_way(1)
    live(world, 2_000)
    assert not ears.of(PostSent)


def test_an_action_may_wait_before_the_venue_and_others_pass_it(road):
    world, _ = road
    world.road.hold_actions, world.road.hold_ms = 1, 3_000
    world.road.post(77, noop(1))
    world.road.post(78, noop(2))
    live(world, 1_000)
    assert [world.road.is_under_way(nonce) for nonce in (1, 2)] == [True, False]
    live(world, 2_500)
    assert not world.road.is_under_way(1)


def test_what_came_while_nothing_was_heard_is_heard_before_anything_newer(road):
    world, ears = road
    socket = world.road._socket
    world.road.deaf_until_ms = world.agenda.now_ms + 5_000
    world.road._arrive_down(socket, '{"channel":"error","data":"first"}')
    world.road.deaf_until_ms = world.agenda.now_ms + 100  # a second deafness that is over earlier
    live(world, 100)
    world.road._arrive_down(socket, '{"channel":"error","data":"second"}')
    assert [m.text[-6:].strip() for m in ears.of(ChannelError)] == ["first", "second"]


def test_what_arrives_on_a_connection_that_the_venue_cut_as_idle_is_not_heard(road):
    world, _ = road
    socket = world.road._socket
    world.road.post(1, PAYLOAD)
    world.road.drop("gone")
    world.feed.close(socket.session)
    received = len(world.exchange.actions)
    live(world, 1_000)
    assert len(world.exchange.actions) == received
