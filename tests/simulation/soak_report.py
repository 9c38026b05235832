"""What many lives came to, added up as they end, and told as a text. Decides nothing.

Easy to get wrong: a life that went red still lived until then; it counts in every sum.
"""

from __future__ import annotations

from collections import Counter

from seeds import Life

_MOST_REPORTS = 5
"""Red seeds beyond these have their line and no story: more stories than one can read help nobody."""


class Totals:
    def __init__(self) -> None:
        self.lives: Counter[str] = Counter()
        """By depth."""
        self.virtual_ms: Counter[str] = Counter()
        self.cpu_s: Counter[str] = Counter()
        self.turns: Counter[str] = Counter()
        self.programs = self.actions = self.fills = 0
        self.marks: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.peak_inflight = self.longest_hold_ms = 0
        self.wall_s = 0.0
        self.red: list[Life] = []

    def add(self, life: Life) -> None:
        depth = life.case.depth
        self.lives[depth] += 1
        self.virtual_ms[depth] += life.virtual_ms
        self.cpu_s[depth] += life.cpu_s
        self.turns[depth] += life.turns
        self.programs += life.programs
        self.actions += life.actions
        self.fills += life.fills
        self.marks.update(life.marks)
        self.struck.update(life.struck)
        self.peak_inflight = max(self.peak_inflight, life.peak_inflight)
        self.longest_hold_ms = max(self.longest_hold_ms, life.longest_hold_ms)
        if life.is_red:
            self.red.append(life)

    def progress(self) -> str:
        """One line."""
        hours = self.virtual_ms.total() / 3_600_000
        return (
            f"{self.wall_s:7.0f} s  {self.lives.total()} seeds, {len(self.red)} red; {hours:.1f} virtual hours, "
            f"{self.turns.total()} events, {self.fills} fills"
        )

    def report(self, jobs: int) -> str:
        """Everything, red seeds last."""
        return "\n".join([*self._figures(jobs), "", *self._marks(), "", *self._red()])

    def _figures(self, jobs: int) -> list[str]:
        wall_s = self.wall_s
        virtual_s = self.virtual_ms.total() / 1000
        lines = [
            f"seeds             {self.lives.total()}, {len(self.red)} red",
            f"events            {self.turns.total()}",
            f"venue actions     {self.actions}",
            f"fills             {self.fills}",
            f"programs started  {self.programs}",
            f"virtual time      {virtual_s / 3600:.2f} h",
            f"wall time         {wall_s:.1f} s with {jobs} {'process' if jobs == 1 else 'processes'}",
            f"speed             {virtual_s / max(wall_s, 0.001):.0f} times real time, {self.lives.total() / max(wall_s, 0.001):.2f} seeds/s",
        ]
        for depth in sorted(self.lives):
            cpu_s = max(self.cpu_s[depth], 0.001)
            lines.append(
                f"  {depth:<5} level     {self.lives[depth]} seeds, {self.virtual_ms[depth] / 3_600_000:.2f} virtual hours; "
                f"on one core {self.lives[depth] / cpu_s:.2f} seeds/s, {self.turns[depth] / cpu_s:.0f} events/s, "
                f"{self.virtual_ms[depth] / 1000 / cpu_s:.0f} times real time"
            )
        lines += [
            f"peak inflight     {self.peak_inflight}",
            f"longest hold      {self.longest_hold_ms} ms, with nothing in the way of the exit",
        ]
        return lines

    def _marks(self) -> list[str]:
        lines = ["faults of the venue that made a difference:", *_columns(self.struck), ""]
        groups: dict[str, Counter[str]] = {}
        for name, count in self.marks.items():
            group, _, rest = name.partition(" ")
            groups.setdefault(group if rest else "", Counter())[rest or name] = count
        lines.append("branches reached:")
        for group in sorted(groups):
            if group:
                lines.append(f"  {group}")
            lines += _columns(groups[group], indent="    " if group else "  ")
        return lines

    def _red(self) -> list[str]:
        if not self.red:
            return ["no red seed"]
        lines = []
        for life in sorted(self.red, key=lambda life: (life.case.seed, life.case.depth))[:_MOST_REPORTS]:
            lines += [f"--- seed {life.case.seed} {life.case.depth} {'-' * 60}", life.report, ""]
        lines.append(f"{len(self.red)} red:")
        for life in sorted(self.red, key=lambda life: (life.checker, life.case.seed)):
            lines.append(f"{life.verdict}  [{life.case.command}]")
        return lines


def _columns(counts: Counter[str], indent: str = "  ") -> list[str]:
    return [f"{indent}{count:>9}  {name}" for name, count in sorted(counts.items())] or [f"{indent}none"]
