"""Where alerts go and how that fares: a word that leaves this program is worth nothing when it does not arrive. For screens with room.

A target is known by its masked name; its URL is a secret that never comes here.

SPEC 11.
"""

from __future__ import annotations

from core.messages.alerts import AlertTarget, TargetState
from core.messages.snapshot import Snapshot
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, join, text
from hip3_tui.panes.picture import Picture

_STYLE = {
    TargetState.STARTING: "dim",
    TargetState.OK: "good",
    TargetState.RETRYING: "plate-warn",
    TargetState.UNUSABLE: "plate-bad",
}


class AlertsPane(LiveLines):
    TITLE = "Alerts"

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None:
            return ()
        return text(f.plural(len(picture.snapshot.alerts), "target"), "dim")

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        if snapshot is None:
            return [text("waiting for the engine", "dim")]
        targets = sorted(snapshot.alerts, key=lambda target: target.state in (TargetState.STARTING, TargetState.OK))
        lines = [_target(target, snapshot) for target in targets]
        if len(lines) > height:
            lines[height - 1 :] = [text(f"+{len(lines) - height + 1} more, none of them worse", "dim")]
        return lines


def _target(target: AlertTarget, snapshot: Snapshot) -> Line:
    state = target.state.value
    style = _STYLE[target.state]
    figures = [text(f"{target.delivered} delivered")]
    figures += [text(f"{target.waiting} waiting", "warn")] if target.waiting else []
    figures += [text(f"{target.given_up} GIVEN UP", "bad")] if target.given_up else []
    if target.last_error and target.last_error_ms is not None:
        figures.append(text(f"{f.age(snapshot.at_ms - target.last_error_ms)} ago: {target.last_error}", "warn"))
    plate = text(f" {state} " if style.startswith("plate") else state, style)
    return join([plate, text(target.name, "strong"), *figures])
