"""A scenario in the console's words: its story, its time line, what it expects. Turns one value into another.

SPEC 11.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import asdict

from core.config import ConfigError
from core.messages.drill import DrillFinding, DrillStep, DrillStory
from core.runtime.scenario_file import load_scenario
from core.sim.scenario import Expect, Range, Scenario, Step
from core.sim.scenario_judge import Finding

_UNITS = {"max_position_usd": " USD", "longest_position_s": " s", "pnl_usd": " USD"}
_NAMES = {
    "max_position_usd": "largest position",
    "longest_position_s": "longest position",
    "orders_rejected": "orders rejected",
    "actions_refused": "actions refused",
    "pnl_usd": "PnL",
}


def story_of(scenario: Scenario, source: str) -> DrillStory:
    steps = sorted(scenario.steps, key=lambda step: (step.since != "start", step.at_s))
    return DrillStory(
        source=source,
        name=scenario.name,
        story=" ".join(scenario.story.split()),
        length_ms=scenario.length_s * 1000,
        markets=scenario.markets,
        steps=tuple(_step(step) for step in steps),
        expects=tuple(_expects(scenario)),
    )


def finding_of(finding: Finding) -> DrillFinding:
    return DrillFinding(finding.expectation, finding.wanted, finding.found, finding.passed)


def stories_in(folder: Path) -> list[DrillStory | str]:
    """Every scenario of a folder by name; a line of complaint for a file that cannot be used."""
    found: list[DrillStory | str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found.append(story_of(load_scenario(path), str(path)))
        except ConfigError as e:
            found.append(str(e))
    return found


def _step(step: Step) -> DrillStep:
    settings = " ".join(f"{key}={value}" for key, value in step.command.items() if key not in ("do", "user"))
    return DrillStep(int(step.at_s * 1000), f"{step.do} {settings}".strip(), step.say, step.since == "start")


def _expects(scenario: Scenario) -> list[str]:
    expect = scenario.expect
    lines = [
        words
        for words, asked in (
            ("flat at the end", expect.flat),
            ("no open orders at the end", expect.no_open_orders),
            ("the program ends in order", expect.ended_in_order),
        )
        if asked
    ]
    if expect.latched is not None:
        because = f", because of {expect.latch_reason!r}" if expect.latch_reason is not None else ""
        lines.append(f"the hard stop trips{because}" if expect.latched else "the hard stop does not trip")
    lines += [_range(key, value) for key, value in asdict(expect).items() if isinstance(value, Range)]
    return [*lines, *(f"{name} strikes at least once" for name in scenario.faults)]


def _range(key: str, value: Range) -> str:
    assert key in Expect.__struct_fields__
    return f"{_NAMES.get(key, key)}: {value}{_UNITS.get(key, '')}"
