"""The benches run: a probe whose place moved, or a program that no longer gets where it is measured, is noticed here and not by whoever
wants the figures. No time is judged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from venue_driver import until

HERE = Path(__file__).parent / "benchmarks"
sys.path.insert(0, str(HERE))

import bench_console  # noqa: E402
import bench_signing  # noqa: E402
import bench_tls  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE_S = 90
ORDERS = 24
"""Some of them wait for their turn and are not counted; on a slow machine most."""


def orders_taken(port: int) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/control", json.dumps({"do": "truth"}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        actions: list[dict[str, Any]] = json.loads(answer.read())["actions"]
        return sum(a["type"] == "order" and a["accepted"] for a in actions)


def test_every_station_of_the_road_is_seen_while_the_console_draws() -> None:
    def enough(port: int) -> None:
        until("orders came through", lambda: orders_taken(port) >= ORDERS, PATIENCE_S)

    samples = bench_console.measure(50, enough, PATIENCE_S)
    road = [samples[station] for station in bench_console.ROAD]
    assert len({len(moments) for moments in road}) == 1
    assert road[0], "no entry was seen on its road"
    for moments in zip(*road, strict=True):
        assert list(moments) == sorted(moments), "a later station before an earlier one"
    assert len(samples["tick_late_ms"]) > 20
    assert {generation for generation, _ in samples["gc_ms"]} >= {0}
    assert bench_console.report("quiet", samples) > 0


def test_the_start_is_seen_up_to_the_first_frame() -> None:
    assert bench_console.first_frames(starts=0, patience_s=PATIENCE_S) == [], "the warm start is not counted"


def test_every_way_of_signing_is_measured_and_signs_the_same() -> None:
    medians = bench_signing.measure(rounds=40)
    assert set(medians) >= {bench_signing.BARE, bench_signing.OURS, bench_signing.SDK}
    assert all(us > 0 for us in medians.values())


def test_the_venue_answers_every_client_on_both_roads() -> None:
    ran = subprocess.run(
        [sys.executable, str(HERE / "bench_venue.py"), "--clients", "3", "--actions", "8"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=HERE.parents[1],
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    for road in ("HTTP", "WebSockets"):
        assert f"24 signed actions of 3 clients over {road}" in ran.stdout
    assert ran.stdout.count("(refused: 0)") == 2, ran.stdout


def test_both_ways_into_tls_are_measured() -> None:
    took = bench_tls.measure(writes=20)
    assert {name: len(times) for name, times in took.items()} == {bench_tls.OURS: 20, bench_tls.PLAIN: 20}
    assert all(ms > 0 for times in took.values() for ms in times)
