"""What a snapshot says of its run."""

from __future__ import annotations

from engine_rig import make_config, make_run
from msgspec.structs import replace

from core.config import SimConfig


def test_rules_not_said_are_the_networks_own() -> None:
    run = make_run(make_config())
    assert replace(run, network="mainnet", rules="").rules == "mainnet"


def test_a_rehearsal_has_the_rules_of_one_network_and_the_name_of_another() -> None:
    run = make_run(make_config(sim=SimConfig(network="mainnet")))
    assert (run.network, run.rules) == ("simulator", "mainnet")
