"""Draws: of the right shape, and made of nothing that could differ from machine to machine."""

from __future__ import annotations

import ast
import math
import statistics
from pathlib import Path

import pytest

import core.sim
from core.sim.dice import Dice, exp

DRAWS = 20_000


def draws(draw) -> list[float]:
    return [draw() for _ in range(DRAWS)]


def test_normal():
    found = draws(Dice("a").normal)
    assert statistics.mean(found) == pytest.approx(0, abs=0.03)
    assert statistics.stdev(found) == pytest.approx(1, abs=0.03)
    assert max(map(abs, found)) < 3.47


def test_lognormal():
    dice = Dice("b")
    found = draws(lambda: dice.lognormal(45, 0.55))
    assert statistics.median(found) == pytest.approx(45, rel=0.03)
    assert statistics.stdev(math.log(x) for x in found) == pytest.approx(0.55, rel=0.03)


def test_exponential():
    dice = Dice("c")
    found = draws(lambda: dice.exponential(25_000))
    assert min(found) >= 0
    assert statistics.mean(found) == pytest.approx(25_000, rel=0.03)
    assert statistics.median(found) == pytest.approx(25_000 * math.log(2), rel=0.04)


@pytest.mark.parametrize("x", [-5, -1.3, -0.001, 0, 0.5, 1, 3])
def test_exp(x):
    assert exp(x) == pytest.approx(math.exp(x), rel=1e-11)


def test_the_draws_of_a_seed_are_these_on_every_machine():
    dice = Dice("2/xyz:SNDK")
    found = [
        dice.normal(),
        dice.lognormal(45.0, 0.55),
        dice.exponential(25_000.0),
        dice.uniform(0.7, 1.6),
        exp(-0.0389),
    ]
    assert [x.hex() for x in found] == GOLDEN


GOLDEN = [
    "-0x1.2d0fb32a36cd2p-1",
    "0x1.42a779de7371ap+5",
    "0x1.856d7f485b4b8p+14",
    "0x1.0a024df9a8772p+0",
    "0x1.ec77320840f19p-1",
]

LIBRARY_DRAWS = {"gauss", "normalvariate", "lognormvariate", "expovariate", "betavariate", "gammavariate", "triangular"}


def test_nothing_in_the_simulated_venue_asks_the_machines_mathematics_library():
    for path in Path(core.sim.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in LIBRARY_DRAWS, f"{path.name}:{node.lineno}: {node.attr}"
                if isinstance(node.value, ast.Name) and node.value.id == "math":
                    assert node.attr == "sqrt", f"{path.name}:{node.lineno}: math.{node.attr} is not rounded exactly"
            assert not (isinstance(node, ast.ImportFrom) and node.module == "math"), f"{path.name}:{node.lineno}"
