"""The lines that the plan's runbook looks for, each once, from snapshots alone."""

from __future__ import annotations

from engine_rig import SNDK, Rig

from core.messages.commands import FlattenMarket
from core.runtime.runbook_lines import WARN, RunbookLines


def test_a_trade_from_signal_to_flat_is_told_once_and_in_order() -> None:
    rig, lines = Rig(), RunbookLines()
    told = [text for _, text in lines.of(rig.snapshot())]
    assert told[0].startswith("WS connected to ws://")
    assert any(text.startswith("ready: READY-TRADING") for text in told)
    rig.open_position()
    told = [text for _, text in lines.of(rig.snapshot())]
    starts = [
        "Signal: xyz:SNDK buy",
        "Order enqueued: cloid=0x",
        "orderUpdates: status=filled",
        "userFills received",
        "Position updated",
    ]
    assert [s for s in starts if not any(t.startswith(s) for t in told)] == []
    rig.handle(FlattenMarket(command_id="c", market=SNDK))
    told = [text for _, text in lines.of(rig.snapshot())]
    assert any(text.startswith("Flatten triggered: market=xyz:SNDK, reason=operator") for text in told)
    rig.advance(200)
    rig.fill_post(rig.posts[-1])
    told = [text for _, text in lines.of(rig.snapshot())]
    assert any(text.startswith("reduce_only enqueued (priority): cloid=0x") for text in told)
    assert "Position closed: xyz:SNDK size=0" in told
    assert any(text.startswith("Flat completed: duration_ms=") and "reason=operator" in text for text in told)
    assert lines.of(rig.snapshot()) == []


def test_a_time_stop_is_a_warning_with_the_age() -> None:
    rig, lines = Rig(), RunbookLines()
    rig.open_position()
    lines.of(rig.snapshot())
    rig.advance(30_500)
    told = lines.of(rig.snapshot())
    (stop,) = [(level, text) for level, text in told if text.startswith("TimeStop triggered")]
    assert stop[0] == WARN
    assert "market=xyz:SNDK, age=30" in stop[1]


def test_what_others_do_is_no_order_of_ours() -> None:
    from engine_rig import foreign_order

    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order()]
    rig.ready()
    assert not any("enqueued" in text for _, text in RunbookLines().of(rig.snapshot()))
