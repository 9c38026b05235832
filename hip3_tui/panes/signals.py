"""From signal to entry: how many passed, and how many each gate denied.

SPEC 7, 10, 11.
"""

from __future__ import annotations

from core.messages.snapshot import TallyView
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, join, line_width, text
from hip3_tui.panes.picture import Picture


class SignalsPane(LiveLines):
    TITLE = "Signals"

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None:
            return ()
        tally = picture.snapshot.tally
        return text(
            f"{tally.signals} seen, {tally.entries} entered, {sum(n for _, n in tally.denied)} denied", "strong"
        )

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        if picture.snapshot is None:
            return [text("waiting for the engine", "dim")]
        tally = picture.snapshot.tally
        totals = _totals(tally)
        rarest_first = sorted((number, gate) for gate, number in tally.denied if number)
        for cut in range(len(rarest_first) + 1):  # what went wrong with posts and orders is never what finds no room
            parts = [*_denied(tally, {gate for _, gate in rarest_first[:cut]}), *totals]
            if len(_broken(parts, width)) <= height:
                break
        return flow(parts, width, height)


def _denied(tally: TallyView, hidden: set[str]) -> list[Line]:
    """Gate by gate, in the order in which they are asked; of the hidden ones, how many."""
    parts = [text(f"{gate} {number}", "warn") for gate, number in tally.denied if number and gate not in hidden]
    if hidden:
        parts.append(text(f"+{len(hidden)} more", "dim"))
    first: Line = (("denied: ", "dim"), *(parts[0] if parts else text("none", "dim")))
    return [first, *parts[1:]]


def _totals(tally: TallyView) -> list[Line]:
    def named(name: str, value: object, style: str = "") -> Line:
        return ((f"{name} ", "dim"), (str(value), style))

    totals = [
        named("posts", f"{tally.posts_sent} sent, {tally.posts_completed} answered"),
        named("orders", f"{tally.orders_accepted} accepted, {_rejected(tally)}"),
    ]
    faults = (("timed out", tally.orders_timed_out), ("not sent", tally.send_failures), ("errors", tally.errors))
    totals += [named(name, number, "warn") for name, number in faults if number]
    worst = f", slowest {f.age(tally.worst_flat_time_ms)}" if tally.flattens else ""
    return [*totals, named("flattens", f"{tally.flattens}{worst}")]


def _rejected(tally: TallyView) -> str:
    """Rejections, and how many of them only say that the market had moved on: those count toward no limit."""
    explained = tally.market_explained_rejections
    return f"{tally.orders_rejected} rejected" + (f" ({explained} by the market)" if explained else "")


def _broken(parts: list[Line], width: int) -> list[list[Line]]:
    """Parts one after another, broken between them."""
    lines: list[list[Line]] = [[]]
    for part in parts:
        if lines[-1] and line_width(join([*lines[-1], part])) > width:
            lines.append([])
        lines[-1].append(part)
    return lines


def flow(parts: list[Line], width: int, height: int) -> list[Line]:
    """Parts one after another, broken between them; what finds no room is counted on the last line."""
    lines = _broken(parts, width)
    if len(lines) <= height:
        return [join(line) for line in lines]
    kept = lines[:height]
    hidden = sum(len(line) for line in lines[height:])
    while len(kept[-1]) > 1 and line_width(join([*kept[-1], text(f"+{hidden} more")])) > width:
        kept[-1].pop()
        hidden += 1
    kept[-1].append(text(f"+{hidden} more", "dim"))
    return [join(line) for line in kept]
