"""Servers that take notifications, for real, on loopback: one for HTTP, one for mail. They keep what came, and refuse on demand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 20.0


@dataclass
class Taken:
    path: str
    headers: dict[str, str]
    body: str


class _Arrivals:
    """What came, and a way to wait for it."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.attempts = 0
        self._news = threading.Condition()

    def note(self, taken: Taken | None) -> None:
        with self._news:
            self.attempts += 1
            if taken is not None:
                self.taken.append(taken)
            self._news.notify_all()

    def wait(self, holds: Callable[[], bool], within_s: float = WAIT_S) -> bool:
        with self._news:
            return self._news.wait_for(holds, within_s)

    def wait_taken(self, count: int) -> list[Taken]:
        assert self.wait(lambda: len(self.taken) >= count), f"{len(self.taken)} of {count} came"
        return self.taken


class NotificationServer(_Arrivals):
    """HTTP. ``status`` is what it answers; ``hold`` keeps the answer back until it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.answer = b'{"ok": true}'
        self.hold: threading.Event | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if server.hold is not None:
                    server.note(None)
                    server.hold.wait(WAIT_S)
                status = server.status
                taken = status < 300
                self.send_response(status)
                content = server.answer if taken else b'{"error": "no"}'
                self.send_header("Content-Type", "text/plain" if content == b"ok" else "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                server.note(Taken(self.path, dict(self.headers), body) if taken else None)

            do_PUT = do_POST

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> NotificationServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.hold is not None:
            self.hold.set()
        self._http.shutdown()
        self._http.server_close()


@dataclass
class Mail:
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class MailServer(_Arrivals):
    """As much of SMTP as a client needs to leave a letter. ``refuse``: the answer to MAIL FROM instead of 250."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse = ""
        self.mails: list[Mail] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> MailServer:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    def _run(self) -> None:
        async def begin() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            self._server = server
            self._ready.set()

        self._loop.run_until_complete(begin())
        self._loop.run_forever()
        self._server.close()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        mail = Mail()
        say("220 loopback")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            match line.split(":")[0].split(" ")[0].upper():
                case "EHLO" | "HELO":
                    say("250-loopback\r\n250 AUTH PLAIN LOGIN")
                case "AUTH":
                    say("235 welcome")
                case "MAIL":
                    if self.refuse:
                        self.note(None)
                    mail = Mail(sender=line)
                    say(self.refuse or "250 ok")
                case "RCPT":
                    mail.recipients.append(line)
                    say("250 ok")
                case "DATA":
                    say("354 go on")
                    while (text := (await reader.readline()).decode()) not in (".\r\n", ""):
                        mail.lines.append(text)
                    self.mails.append(mail)
                    say("250 taken")
                    self.note(Taken("", {}, "".join(mail.lines)))
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 ok")
        writer.close()
