"""A WebSocket connection with a short way in and a short way out: text is taken the moment it is read, and written the moment it is given.

The library hands a message to whoever waits in `recv`, one turn of the event loop later. In that turn the console may take the
interpreter, and a quote is as old as its way to the engine. Decides nothing else: what is not taken goes the library's way. Rules that are
easy to get wrong: a frame may only be taken when no earlier one waits there, or order is lost; and only a whole message, never a
fragment. Leans on names inside the library (`process_event`, `recv_messages`, `send_data`, `paused`), which is pinned; the tests of the
gateway say if they go.

SPEC 7; TEXTUAL 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

TakeFrame = Callable[[bytes], bool]
"""Called with a message's bytes; False leaves it to `recv`. Must not raise."""


class FeedConnection(ClientConnection):
    """A client connection of websockets with a fast lane for text. Without ``take_frame`` it is as the library made it."""

    take_frame: TakeFrame | None = None

    def process_event(self, event: Any) -> None:
        take = self.take_frame
        if (
            take is not None
            and isinstance(event, Frame)
            and event.opcode is Opcode.TEXT
            and event.fin
            and not self.recv_messages.frames
            and take(bytes(event.data))
        ):
            return
        super().process_event(event)

    def write_text(self, message: bytes) -> bool:
        """Hand a whole message to the transport, which writes it to the socket before this returns if nothing is in its way.

        Returns:
            Whether the transport takes more. If not, `drain` waits for that.

        Raises:
            InvalidState: The connection is not open; nothing was written.
        """
        self.protocol.send_text(message)
        self.send_data()
        return not self.paused
