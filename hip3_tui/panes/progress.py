"""What is under way, in words for the banner: connecting, reconnecting, resyncing, a drill. How far it is, for how long, and what one may do meanwhile.

Pure: picture in, paragraphs out. Easy to get wrong: what was open when the connection went is not what is open now, and the words must say which
of the two they mean.

SPEC 6, 11.
"""

from __future__ import annotations

from core.messages.snapshot import ConnectionPhase, Snapshot
from hip3_tui import format as f
from hip3_tui.operator_actions import key_of
from hip3_tui.panes.picture import DrillNow, Picture, has_live_orders

Paragraph = tuple[str, str, str]

SHOWN_AFTER_MS = 1_500
"""A start and a resynchronisation take less on a good day; a banner that comes and goes would move the whole screen."""
_BAR = 20


def progress(picture: Picture) -> list[Paragraph]:
    """The paragraphs, none while all is as it should be."""
    found: list[Paragraph] = []
    snapshot = picture.snapshot
    if snapshot is not None and not snapshot.finished and not picture.death:
        found += _connection(picture, snapshot)
    if picture.drill is not None:
        found += _drill(picture.drill)
    return found


def _connection(picture: Picture, snapshot: Snapshot) -> list[Paragraph]:
    link = snapshot.connection
    since_ms = snapshot.at_ms - link.since_ms
    if link.phase is not ConnectionPhase.LIVE and since_ms < SHOWN_AFTER_MS:
        return []
    match link.phase:
        case ConnectionPhase.CONNECTING:
            return [
                (
                    "CONNECTING",
                    f"to {snapshot.run.ws_url} for {f.age(since_ms)}; nothing is sent before it answers",
                    "warn",
                ),
                _may(picture),
            ]
        case ConnectionPhase.RECONNECTING:
            why = f": {link.reason}" if link.reason else ""
            words = f"connection {link.epoch} was lost {f.age(since_ms)} ago{why}; it is tried again and again. {_open_then(snapshot)}"
            return [("RECONNECTING", words, "bad"), _may(picture)]
        case ConnectionPhase.SYNCING:
            return [
                (
                    "RESYNCING" if link.epoch > 1 else "SYNCING",
                    f"connected; {_read(snapshot)} after {f.age(since_ms)}",
                    "warn",
                ),
                _may(picture),
            ]
        case ConnectionPhase.LIVE:
            return []


def _read(snapshot: Snapshot) -> str:
    """What has been read of all there is to read, with counts."""
    ready = snapshot.ready
    there = sum(market.bid_px is not None and market.oracle_px is not None for market in snapshot.markets)
    parts = [
        f"{'✓' if ready.md_ready else '…'} data of {there} of {f.plural(len(snapshot.markets), 'market')}",
        *(
            f"{'✓' if met else '…'} {name}"
            for name, met in (
                ("orders", ready.order_snapshot),
                ("fills", ready.fills_snapshot),
                ("positions", ready.position_synced),
            )
        ),
    ]
    done = sum((ready.md_ready, ready.order_snapshot, ready.fills_snapshot, ready.position_synced))
    return f"{done} of 4 read ({', '.join(parts)})"


def _open_then(snapshot: Snapshot) -> str:
    orders = sum(not order.is_settled for order in snapshot.orders)
    if not snapshot.positions and not has_live_orders(snapshot):
        return "Nothing was open when it went."
    at_risk = f" ({f.usd(snapshot.pnl.exposure_usd)})" if snapshot.positions else ""
    return f"When it went, {f.plural(len(snapshot.positions), 'position')}{at_risk} and {f.plural(orders, 'order')} were open."


def _may(picture: Picture) -> Paragraph:
    if picture.window is not None:
        return ("", "this window waits with the console", "dim")
    stop, leave = key_of(picture, "hard_stop"), key_of(picture, "quit")
    words = (
        f"{stop} latches the hard stop now and closes everything as soon as the exchange answers; {leave} leaves, and until its "
        "deadline tries to get flat first"
    )
    return ("", words, "warn")


def _drill(drill: DrillNow) -> list[Paragraph]:
    if drill.elapsed_ms is None:
        return [
            (
                "DRILL",
                f"{drill.name}: begins as soon as the program is READY ({f.plural(drill.length_ms // 1000, 'second')})",
                "info",
            )
        ]
    elapsed = min(drill.elapsed_ms, drill.length_ms)
    filled, rest = f.bar(elapsed / drill.length_ms, _BAR)
    words = f"{drill.name}  {filled}{rest}  {elapsed // 1000} of {drill.length_ms // 1000} s"
    if drill.now:
        words += f"; now: {drill.now}"
    if elapsed >= drill.length_ms:
        words += "; over: the program is ended, and then judged"
    elif drill.next_in_ms is not None:
        words += f"; next in {f.age(drill.next_in_ms)}" + (f": {drill.next}" if drill.next else "")
    return [("DRILL", words, "info")]
