"""What the order ticket says: the preview of an order before it is sent, and its life afterwards. Pure: values in, lines out.

SPEC 11 (order ticket); lessons L01, L37.
"""

from __future__ import annotations

from core.messages.ticket import OrderFacts, OrderLifeView, OrderPreview
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, text

NO_BUILDER = "no builder fee"


def book_line(facts: OrderFacts) -> Line:
    stale = facts.touch_age_ms is None or facts.touch_age_ms > facts.touch_stale_ms
    held = f"{'long' if facts.held > 0 else 'short'} {f.size(abs(facts.held))}" if facts.held else "nothing"
    return (
        ("mark ", "dim"),
        (f.price(facts.mark_px), "strong"),
        ("  bid ", "dim"),
        (f.price(facts.bid_px), "strong"),
        ("  ask ", "dim"),
        (f.price(facts.ask_px), "strong"),
        (f"  STALE {f.age(facts.touch_age_ms)}" if stale else "", "bad"),
        ("  held ", "dim"),
        (held, "strong" if facts.held else ""),
    )


def preview_lines(side: str, tif: str, preview: OrderPreview, width: int) -> list[Line]:
    """Book, rounded order, verdicts, warnings, the action."""
    facts, rounded = preview.facts, preview.rounded
    lines = [book_line(facts)]
    if rounded.price is not None and rounded.size:
        fee = "" if preview.fee_usd is None else f"  fee ${preview.fee_usd:.4f}"
        lines.append(
            (
                (f"{side.upper()} {f.size(rounded.size)} @ {f.size(rounded.price)} {tif.upper()}", "strong"),
                (f"  {f.usd(rounded.notional_usd)}{fee}", ""),
                (f"  {NO_BUILDER}", "good"),
            )
        )
    refused = [v for v in preview.verdicts if v.reason]
    passed = len(preview.verdicts) - len(refused)
    if not refused:
        lines.append(((f" {passed} GATES PASS ", "plate-good"), ("  it would be sent", "")))
    else:
        lines.append(((" WOULD BE DENIED ", "plate-bad"), (f"  {passed} of {len(preview.verdicts)} gates pass", "dim")))
        lines += [text(row, "bad") for v in refused[:3] for row in f.wrap(f"✗ {v.text}", width)[:2]]
    lines += [text(row, "warn") for w in preview.warnings for row in f.wrap(f"! {w}", width)]
    if preview.action_json:
        head = f"{facts.market} = asset {facts.asset_id}; signed with a nonce and an expiry beside it:"
        lines.append(text(head, "dim"))
        lines += [text(row, "accent") for row in _cut(preview.action_json, width)]
    return lines


def life_lines(life: OrderLifeView, now_ms: int, width: int, rows: int) -> list[Line]:
    """Where the order stands, then its newest steps with the time since it was asked for."""
    what = (
        f"{life.side.value.upper()} {f.size(life.size)} {life.market} @ {f.size(life.price)} {life.tif.value.upper()}"
    )
    head = f"{life.side.value.upper()} {life.market}" if life.cloid is None else what
    lines: list[Line] = [((_plate(life)), (f"  {head}", "strong"), (" reduce-only" if life.reduce_only else "", ""))]
    if life.filled:
        lines.append(
            (
                (f"filled {f.size(life.filled)} of {f.size(life.size)} @ {f.price(life.avg_px)}", ""),
                (f"  fee ${life.fee_usd:.4f}", "dim"),
                (f"  {NO_BUILDER}", "good"),
            )
        )
    lines.append(())
    steps: list[Line] = []
    for step in life.steps:
        again = f" (x{step.count})" if step.count > 1 else ""
        since = f"{(step.at_ms - life.begun_ms) / 1000:7.3f} s "
        pieces = f.wrap(step.text + again, width - 24) or [""]
        steps.append(((since, "dim"), (f"{step.name:<13} ", "strong"), (pieces[0], "")))
        steps += [((" " * 24, ""), (piece, "")) for piece in pieces[1:]]
    hidden = len(steps) - rows
    if hidden > 0:
        steps = [text(f"... {hidden} lines before", "dim"), *steps[hidden + 1 :]]
    lines += steps
    if not life.is_over:
        waiting = "in the book" if life.is_resting else "under way"
        lines.append(text(f"{(now_ms - life.begun_ms) / 1000:7.1f} s {waiting}", "dim"))
    return lines


def _plate(life: OrderLifeView) -> tuple[str, str]:
    if life.denied:
        return " DENIED ", "plate-bad"
    if life.is_over:
        if life.filled:
            return (" FILLED ", "plate-good") if life.filled == life.size else (" PARTLY FILLED ", "plate-warn")
        return f" {life.status.value.upper() if life.status else 'OVER'} ", "plate-bad"
    if life.is_resting:
        return " RESTING ", "plate-info"
    is_unknown = life.status is not None and life.status.value == "unknown"
    return (" UNKNOWN ", "plate-bad") if is_unknown else (" UNDER WAY ", "plate-warn")


def _cut(words: str, width: int) -> list[str]:
    """JSON has no blanks to break at."""
    return [words[i : i + width] for i in range(0, len(words), width)]
