"""The server of windows, asked over HTTP and WebSocket as a browser does, and as somebody does who should not get in."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hip3_tui.browser import MOST_WINDOWS, BrowserServer

WINDOW = (sys.executable, str(Path(__file__).parent / "window_for_tests.py"))
KEY = "the-key-of-the-test"


class Served:
    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self.url, self.client = url, client

    async def get(self, path: str, **options: Any) -> aiohttp.ClientResponse:
        return await self.client.get(f"{self.url}{path}", allow_redirects=False, **options)

    async def enter(self) -> None:
        answer = await self.get(f"/?key={KEY}")
        assert answer.status == 303

    def window(self, **options: Any) -> Any:
        return self.client.ws_connect(f"{self.url}/ws?width=90&height=20", **options)


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    lines: list[str] = []
    server = BrowserServer(WINDOW, lines.append, KEY)
    running = asyncio.ensure_future(server.run(listener))
    jar = aiohttp.CookieJar(unsafe=True)  # which means: also for addresses that are numbers
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await until(lambda: bool(lines), "the line with the address")
        assert lines == [f"serving on {url}/?key={KEY}"]
        yield Served(url, client)
    await until(lambda: processes() == [], "the end of every window")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    for _ in range(int(timeout_s / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what}")


async def see(window: aiohttp.ClientWebSocketResponse, words: str) -> None:
    """Read until the words have come."""
    text = ""
    while words not in text:
        message = await window.receive(timeout=30)
        assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (
            f"{message.type} before {words!r}: {text}"
        )
        data = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
        text += re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z]", "", data)


def processes() -> list[int]:
    """Windows that live."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"window_for_tests" in command and parent == os.getpid():
            found.append(int(folder.name))
    return found


async def test_a_window_opens_takes_keys_and_sizes_and_ends_with_its_tab():
    async with served() as it:
        await it.enter()
        async with it.window() as window:
            await see(window, "nothing pressed")
            assert len(processes()) == 1
            await window.send_str(json.dumps(["stdin", "x"]))
            await see(window, "pressed x in 90x20")
            await window.send_str(json.dumps(["resize", {"width": 70, "height": 30}]))
            await window.send_str(json.dumps(["stdin", "y"]))
            await see(window, "70x30")
        await until(lambda: processes() == [], "the end of its program")


async def test_the_page_is_ours_and_loads_nothing_from_elsewhere():
    async with served() as it:
        await it.enter()
        answer = await it.get("/")
        page = await answer.text()
        assert answer.status == 200
        assert not re.search(r"(?:https?:)?//", page.replace('"ws://"', ""))
        for name in re.findall(r'(?:src|href)="([^"]+)"', page):
            assert (await it.get(f"/{name}")).status == 200, name
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "location.host" in await (await it.get("/page.js")).text()


async def test_the_key_leaves_the_address_and_its_cookie_is_for_this_site_alone():
    async with served() as it:
        answer = await it.get(f"/?fontsize=20&key={KEY}")
        assert (answer.status, answer.headers["Location"]) == (303, "/?fontsize=20")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert 'data-font-size="20"' in await (await it.get("/?fontsize=20")).text()
        assert 'data-font-size="14"' in await (await it.get('/?fontsize=1"><script>')).text()


@pytest.mark.parametrize("path", ["/", "/?key=", "/?key=wrong", "/page.js", "/static/js/textual.js", "/download/x"])
async def test_without_the_key_nobody_gets_anything(path):
    async with served() as it:
        answer = await it.get(path)
        assert answer.status == 403
        assert "hip3-tui serve printed" in await answer.text()


@pytest.mark.parametrize("headers", [{}, {"Cookie": "hip3=wrong"}])
async def test_without_the_key_no_window_opens(headers):
    async with served() as it:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await it.window(headers=headers)
        assert caught.value.status == 403
        assert processes() == []


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
async def test_another_page_gets_no_window_even_with_the_cookie(origin):
    async with served() as it:
        await it.enter()
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await it.window(headers={"Origin": origin})
        assert caught.value.status == 403
        async with it.window(headers={"Origin": it.url}) as window:
            await see(window, "nothing pressed")


async def test_there_is_a_bound_on_windows():
    async with served() as it:
        await it.enter()
        windows = [await it.window() for _ in range(MOST_WINDOWS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await it.window()
        assert caught.value.status == 503
        await windows[0].close()
        for _ in range(500):
            try:
                windows[0] = await it.window()
                break
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.02)
        await see(windows[0], "nothing pressed")
        for window in windows:
            await window.close()
        await until(lambda: processes() == [], "the end of them all")


def test_a_window_whose_server_was_killed_ends():
    window = subprocess.Popen(
        WINDOW,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "80", "ROWS": "24"},
    )
    assert window.stdin is not None
    assert window.stdout is not None
    assert window.stdout.readline() == b"__GANGLION__\n"
    window.stdin.close()
    window.stdout.close()  # and so is the other end, as when a process is killed
    assert window.wait(30) in (0, 1)
    assert window.returncode != -signal.SIGKILL
