"""Put on PYTHONPATH as `sitecustomize`: while the file NAMELESS exists, no name of a host can be resolved, as when the machine's resolver is gone."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

_flag = os.environ["NAMELESS"]
_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    if os.path.exists(_flag) and host == "localhost":
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _getaddrinfo(host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
assert asyncio
