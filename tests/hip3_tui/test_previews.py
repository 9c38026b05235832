"""What a dangerous key would send, and that it leaves out what the engine leaves out."""

from decimal import Decimal as D

import snapshots_for_tests as made
from engine_rig import Rig
from snapshots_for_tests import SELL, T0

from core.messages.commands import FlattenAll
from core.messages.effects import Post
from core.model.order import OrderStatus, TimeInForce
from hip3_tui.panes.picture import Picture
from hip3_tui.previews import cancel_preview, flatten_preview, told


def test_flatten_is_the_whole_of_each_position_the_other_way() -> None:
    snapshot = made.snapshot(
        positions=(made.position(), made.position("SOL", side=SELL, mark_px=None, is_external=True)),
    )
    assert [s.words for s in flatten_preview(Picture(snapshot, T0))] == [
        "SELL 0.012 xyz:SNDK down to 1,223.7 ($14.83)",
        "BUY 0.012 SOL up to 1,246.9 ($14.81)",
    ]
    assert [s.note for s in flatten_preview(Picture(snapshot, T0))] == ["", "EXTERNAL"]
    assert flatten_preview(Picture(None, T0)) == []


def test_cancel_leaves_exits_and_strangers_alone_and_takes_ours_of_an_earlier_run() -> None:
    orders = (
        made.order(1, filled=D("0.002")),
        made.order(2, purpose="exit", reduce_only=True),
        made.order(3, purpose="manual", reduce_only=True, tif=TimeInForce.GTC),
        made.order(8, purpose="manual", reduce_only=True),
        made.order(4, is_external=True, cloid=None),
        made.order(5, is_external=True, purpose="manual"),
        made.order(6, status=OrderStatus.FILLED, is_settled=True),
        made.order(7, status=OrderStatus.UNKNOWN),
    )
    sendings = cancel_preview(Picture(made.snapshot(orders=orders), T0))
    assert [s.size for s in sendings] == ["0.01", "0.012", "0.012", "0.012"]
    assert [s.note for s in sendings] == ["in flight", "in flight", "EXTERNAL in flight", " UNKNOWN "]
    assert cancel_preview(Picture(None, T0)) == []


def test_told_in_one_sentence() -> None:
    assert told([]) == ""
    positions = tuple(made.position(name) for name in ("A", "B", "C", "D", "E"))
    words = told(flatten_preview(Picture(made.snapshot(positions=positions), T0)))
    assert words.count("SELL") == 3
    assert words.endswith("; +2 more")


def test_the_engine_sends_what_was_shown() -> None:
    rig = Rig()
    rig.ready()
    rig.open_position()
    (shown,) = flatten_preview(Picture(rig.snapshot(), rig.now))
    before = len(rig.effects(Post))
    rig.handle(FlattenAll(command_id="c-1"))
    rig.advance(200)
    (post,) = rig.effects(Post)[before:]
    (order,) = post.batch.orders
    assert (shown.what, shown.size, shown.market) == (order.side.value.upper(), f"{order.size:f}", order.market.name)
    bound = D(shown.price.split()[-1].replace(",", ""))
    assert abs(order.price / bound - 1) < D("0.001"), "the mark is shown, the middle of the book is sent"
