"""The operator's hand on our own simulated exchange: /control over HTTP. Implements core.messages.simulator.SimulatorHandle.

Knows which exchange from the newest snapshot, and refuses to talk to anything but our simulator on loopback. Easy to get wrong: it is called
from worker threads while the exchange may be busy being wrong, so every call has a bound.

SPEC 11.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from core.config import LOOPBACK_HOSTS, Network
from core.messages.simulator import FaultInfo, FaultInForce, FaultSetting, SimulatorError
from core.messages.snapshot import Snapshot
from core.sim.fault_list import GROUPS, SETTINGS, FaultError, Kind
from core.sim.fault_text import read_fault, told_default, told_range

_ANSWER_S = 5.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SimulatorClient:
    """
    Args:
        latest: The engine's newest snapshot: it knows network and port.
    """

    def __init__(self, latest: Callable[[], Snapshot | None]) -> None:
        self._latest = latest

    def faults(self) -> tuple[FaultInfo, ...]:
        return tuple(
            FaultInfo(name, group, kind.says, kind.lasts.value, tuple(_setting(kind, key) for key in kind.allowed))
            for group, kinds in GROUPS.items()
            for name, kind in kinds.items()
        )

    def in_force(self) -> tuple[FaultInForce, ...]:
        answer = self._ask({"do": "list_faults"})
        return tuple(FaultInForce(f["name"], f["left"], f["until_ms"]) for f in answer["inForce"])

    def strike(self, name: str, settings: str) -> None:
        try:
            fault = read_fault(f"{name}:{settings}")
        except FaultError as e:
            raise SimulatorError(str(e)) from None
        self._ask({"do": "fault", **fault})

    def clear_faults(self) -> None:
        self._ask({"do": "clear_faults"})

    def drop_connections(self) -> int:
        return int(self._ask({"do": "drop_connections"})["dropped"])

    def jump_oracle(self, coin: str, bps: int) -> None:
        self._ask({"do": "hold", "coin": coin, "bps": bps})

    def release(self, coin: str) -> None:
        self._ask({"do": "release", "coin": coin})

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self._url(), json.dumps(command, default=str).encode(), {"Content-Type": "application/json"}
        )
        try:
            with _NO_PROXY.open(request, timeout=_ANSWER_S) as answer:
                result: dict[str, Any] = json.loads(answer.read())
                return result
        except urllib.error.HTTPError as e:
            raise SimulatorError(_refusal(e.read())) from None
        except (OSError, ValueError) as e:
            raise SimulatorError(f"the simulator does not answer: {e}") from None

    def _url(self) -> str:
        snapshot = self._latest()
        if snapshot is None:
            raise SimulatorError("the engine has not said yet which exchange it is connected to")
        parts = urlsplit(snapshot.run.ws_url)
        if snapshot.run.network != Network.SIMULATOR.value or parts.hostname not in LOOPBACK_HOSTS:
            raise SimulatorError(f"{snapshot.run.network} is not our own simulator")
        return f"http://{parts.netloc}/control"


def _setting(kind: Kind, key: str) -> FaultSetting:
    setting = SETTINGS[key]
    return FaultSetting(key, f"{setting.says}{told_range(setting)}", told_default(kind, key))


def _refusal(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"refused: {body.decode(errors='replace')[:200]}"
