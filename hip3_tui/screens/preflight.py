"""Before trading begins on a real network, or in a rehearsal of one: what was checked, what is open already, and the one word.

Nothing has been sent when this is shown, and nothing is until it is answered. Easy to get wrong: the focus is where nothing begins by one key,
Escape asks to quit and never begins, and a failed check leaves no way to begin but to look again.

SPEC 9, 11.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Static

from core.messages.preflight import Check, Go, PreflightHandle, PreflightReport, Verdict
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_ROWS_BELOW = 14
"""What the box needs besides the checks: its frame, two lines of words, fields and buttons."""
_STYLE = {Verdict.PASS: "good", Verdict.WARN: "plate-warn", Verdict.FAIL: "plate-bad"}


class Choice(Checkbox):
    """A box with a cross in it when it is chosen, and empty when not: Textual's own says it by colour alone."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()


class PreflightScreen(Dialog[None]):
    TITLE_TEXT = "Before trading begins"
    HINT = "Tab: next   Enter: press   Esc: quit"
    TAKES_TEXT = True

    def __init__(self, picture: Picture, console: Console, who: str) -> None:
        super().__init__(picture, dangerous=True)
        handle = console.outside.preflight
        assert handle is not None, "shown only where there is something to ask"
        self.handle: PreflightHandle = handle
        self.console = console
        self.who = who
        self._settled: PreflightReport | None = None

    def on_mount(self) -> None:
        self._follow()

    # --- what is shown ------------------------------------------------------------------------------------------------------

    def body(self, picture: Picture) -> list[Line]:
        report = self.handle.report
        if report is None:
            return [text("Asking the exchange ...", "accent")]
        place = "REAL MONEY" if report.network == "mainnet" else f"{report.network.upper()}"
        rules = "" if report.rules == report.network else f", under {report.rules}'s rules"
        lines: list[Line] = [
            (
                (f" {place} ", "plate-bad" if report.network == "mainnet" else "plate-info"),
                (f"  {report.place}{rules}", ""),
            ),
            text(f"account {report.account}", "dim"),
            text(f"key     {report.signer or 'none'}", "dim"),
            (),
        ]
        width, rows = min(100, self.app.size.width - 12), self.app.size.height
        # What needs the operator first; what passed is told in one line each where there is room, and by name alone where there is not.
        for check in (*report.failed, *report.warned):
            lines += _told(check, width)
        passed = [c for c in report.checks if c.verdict is Verdict.PASS]
        if rows - len(lines) - len(report.orders) - len(report.positions) - len(passed) >= _ROWS_BELOW:
            for check in passed:
                lines += _told(check, width)[:1]
        elif passed:
            lines += [((" PASS ", "good"), (row, "")) for row in f.wrap(", ".join(c.name for c in passed), width - 8)]
        for o in report.orders:
            whose = "of an earlier run" if o.is_ours else "EXTERNAL"
            lines.append(
                text(f"  open order {o.oid}: {o.market} {o.side} {o.size} @ {f.price(o.price)}, {whose}", "warn")
            )
        for p in report.positions:
            what = "the engine takes it over and closes it" if p.is_configured else "left alone until a stop"
            lines.append(text(f"  position {p.market} {p.signed_size} @ {f.price(p.entry_price)}: {what}", "warn"))
        return [*lines, (), text(report.summary, "strong" if report.may_begin else "bad")]

    def fields(self) -> Iterable[Widget]:
        cancel = Choice("cancel the open orders found (else they are left)", id="cancel")
        word = Input(placeholder="", id="word", max_length=20)
        word.cursor_blink = False
        yield cancel
        yield Choice("close the positions found (else taken over, or left)", id="close")
        yield word
        yield Static("", id="complaint", markup=False)

    def buttons(self) -> Iterable[Button]:
        yield Button("Quit", id="quit")
        yield Button("Check again", id="again")
        yield Button("Begin to trade", id="go", classes="-danger")

    # --- life ------------------------------------------------------------------------------------------------------------------

    def show(self, picture: Picture) -> None:
        super().show(picture)
        if self.is_mounted:
            self._follow()

    def _follow(self) -> None:
        if self.handle.is_over:
            if self.is_current:
                self.dismiss(None)
            return
        report = self.handle.report
        if report is self._settled and report is not None:
            return
        self._settled = report
        may_begin = report is not None and report.may_begin
        word, go = self.query_one("#word", Input), self.query_one("#go", Button)
        word.display = may_begin and bool(report and report.word)
        word.placeholder = f"type {report.word} to begin" if report is not None else ""
        self.query_one("#cancel", Checkbox).display = may_begin and bool(report and report.orders)
        self.query_one("#close", Checkbox).display = may_begin and bool(report and report.positions)
        go.display = may_begin
        # The word is as safe a place as the button that quits: it has to be typed.
        (word if word.display else self.query_one("#quit", Button)).focus()

    def action_close(self) -> None:
        self.call_later(self.run_action, "app.operate('quit')")

    # --- what is pressed -------------------------------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._begin()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "go":
                self._begin()
            case "again":
                self.handle.again()
                self._complain("")
            case _:
                self.action_close()

    def _begin(self) -> None:
        word = self.query_one("#word", Input)
        cancel, close = self._chosen("#cancel"), self._chosen("#close")
        refusal = self.handle.go(Go(who=self.who, word=word.value, cancel_foreign=cancel, close_found=close))
        if refusal:
            self._complain(f"Not begun: {refusal}.")
            word.clear()
            word.focus()
        else:
            self._follow()

    def _chosen(self, box: str) -> bool:
        """Ticked, and in sight: a choice that is not shown is none."""
        found = self.query_one(box, Checkbox)
        return bool(found.display and found.value)

    def _complain(self, words: str) -> None:
        self.query_one("#complaint", Static).update(words)


def _told(check: Check, width: int) -> list[Line]:
    name, room = f.fit(check.name, 20), width - 29
    words = f"{check.value}  ({check.limit})"
    if check.verdict is Verdict.PASS:
        words = f.fit(words, room).rstrip()
    rows = [words[i : i + room] for i in range(0, len(words), room)]
    lines: list[Line] = [((f" {check.verdict.value} ", _STYLE[check.verdict]), (f"  {name} ", "strong"), (rows[0], ""))]
    lines += [((" " * 29, ""), (row, "")) for row in rows[1:]]
    if check.remedy:
        for n, row in enumerate(f.wrap(check.remedy, room - 3)):
            lines.append(((" " * 29, ""), (f"{'   ' if n else '-> '}{row}", "warn")))
    return lines
