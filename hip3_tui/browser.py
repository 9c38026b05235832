"""The console's window in a browser: one small web server, and for each tab a program of its own that only looks (hip3-tui view).

textual-serve carries keys and pictures between tab and program; here is who may come in, and the page. Decides nothing about trading. Rules that are
easy to get wrong: any web page may try to open a socket to this machine, so without the key of the printed address nobody is let in, and no other page even
with it; and the page loads nothing from anywhere else.

SPEC 11.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import shlex
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

MOST_WINDOWS = 4
"""Each is a process of some 50 MB that draws several times a second."""
_STOP_S = 2.0
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>hip3-tui</title>
<link rel="stylesheet" href="static/css/xterm.css">
<style>
html, body { margin: 0; height: 100%; background: #0e1217; color: #dde3ea; font: 16px monospace; }
#terminal { width: 100vw; height: 100vh; overflow: hidden; }
.over { position: fixed; inset: 0; display: flex; align-items: center; justify-content: center; text-align: center; }
#closed { display: none; background: rgba(14, 18, 23, 0.85); z-index: 2; }
body.-first-byte #opening { display: none; }
body.-closed #closed { display: flex; }
a { color: #6cb6ff; }
</style>
<script src="page.js"></script>
<script src="static/js/textual.js"></script>
</head>
<body>
<div id="opening" class="over">opening the window ...</div>
<div id="closed" class="over"><p>This window is closed.<br>The console it looked at is not touched by that.<br><a href="">Open it again</a></p></div>
<div id="terminal" class="textual-terminal" data-font-size="FONT_SIZE"></div>
</body>
</html>
"""
_SCRIPT = """// Where the socket is, and keys from the first moment on.
document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("terminal").dataset.sessionWebsocketUrl =
    (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws";
  new MutationObserver((changes, observer) => {
    if (!document.body.classList.contains("-first-byte")) return;
    observer.disconnect();
    document.querySelector("#terminal textarea").focus();
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
});
"""


class BrowserServer(Server):
    """
    Args:
        command: The program of one window.
        say: Takes the line with the address.
        key: Part of the address, and asked of everybody.
    """

    def __init__(self, command: Sequence[str], say: Callable[[str], None], key: str = "") -> None:
        # "exec": the shell that textual-serve starts becomes the program, or it would be the one that is told to end.
        super().__init__(f"exec {shlex.join(command)}", title="hip3-tui")
        self._say = say
        self._key = key or secrets.token_urlsafe(24)
        self._windows = 0
        self._cookie = "hip3"

    async def run(self, listener: socket.socket) -> None:
        """Serve on a socket that is bound, until TERM, INT or HUP."""
        host, port = listener.getsockname()[:2]
        self._cookie = f"hip3-{port}"  # a browser keeps cookies by host alone, and there may be two servers
        runner = web.AppRunner(await self._make_app(), shutdown_timeout=_STOP_S, access_log=None)
        await runner.setup()
        stop = asyncio.Event()
        stops = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)  # whoever started us may have kept them for itself
        for number in stops:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await web.SockSite(runner, listener).start()
            shown = f"[{host}]" if ":" in host else host
            self._say(f"serving on http://{shown}:{port}/?key={self._key}")
            await stop.wait()
        finally:
            await runner.cleanup()

    # --- what textual-serve asks ---------------------------------------------------------------------------------------

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/page.js", self._script),
                web.get("/ws", self._window),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        return app

    async def _page(self, request: web.Request) -> web.Response:
        size = request.query.get("fontsize", "")
        font_size = size if size.isdecimal() and 6 <= int(size) <= 40 else "14"
        return web.Response(text=_PAGE.replace("FONT_SIZE", font_size), content_type="text/html")

    async def _script(self, request: web.Request) -> web.Response:
        return web.Response(text=_SCRIPT, content_type="text/javascript")

    async def _window(self, request: web.Request) -> web.StreamResponse:
        if self._windows >= MOST_WINDOWS:
            return web.Response(status=503, text=f"{MOST_WINDOWS} windows are open, which is the most; close one")
        self._windows += 1
        try:
            return await self.handle_websocket(request)
        finally:
            self._windows -= 1

    # --- who may come in -----------------------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path == "/" and self._is_key(request.query.get("key", "")):
            # The key leaves the address bar at once, and with it the history and whatever is copied from there.
            answer: web.StreamResponse = web.Response(status=303, headers={"Location": _without_key(request)})
            answer.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict", path="/")
        elif not self._is_key(request.cookies.get(self._cookie, "")):
            answer = web.Response(status=403, text="Open the address that hip3-tui serve printed, with its key.\n")
        elif not _is_own_page(request):
            answer = web.Response(status=403, text="Another page may not look at this one.\n")
        else:
            answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(_HEADERS)
        return answer

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._key.encode())


def _is_own_page(request: web.Request) -> bool:
    """Whether a request with an origin comes from our own page. Pages of other ports of this machine count as the same site to a browser."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _without_key(request: web.Request) -> str:
    return str(request.rel_url.with_query({k: v for k, v in request.query.items() if k != "key"}))


def serve_windows(command: Sequence[str], listener: socket.socket, say: Callable[[str], None]) -> None:
    """Serve until a signal ends it."""
    server = BrowserServer(command, say)

    async def run() -> Any:
        await server.run(listener)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
