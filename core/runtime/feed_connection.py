"""A WebSocket connection with a short way in and a short way out: text is taken the moment it is read, and written the moment it is given.

The library hands a message to whoever waits in `recv`, one turn of the event loop later. In that turn the console may take the
interpreter, and a quote is as old as its way to the engine. On the way out it draws four random bytes for the mask of each frame from the
system, which lets go of the interpreter between an order's signature and its bytes: here they are drawn ahead, a thousand frames at a time.
Decides nothing else: what is not taken goes the library's way. Rules that are
easy to get wrong: a frame may only be taken when no earlier one waits there, or order is lost; only a whole message, never a
fragment; and no mask is used twice, because who can foretell it can write what a proxy on the way takes for a request of its own. Leans on
names inside the library (`process_event`, `recv_messages`, `send_data`, `paused`, `writes`), which is pinned; the tests of the gateway say if
they go.

SPEC 7; TEXTUAL 4.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

try:
    from websockets.speedups import apply_mask
except ImportError:  # built without its compiled part, as the library itself allows
    from websockets.utils import apply_mask

TakeFrame = Callable[[bytes], bool]
"""Called with a message's bytes; False leaves it to `recv`. Must not raise."""

MASK_BYTES = 4
MASKS_AHEAD = 1_000

_FINAL_TEXT = b"\x81"
_MASKED = 0x80
_LENGTH_IN_2, _LENGTH_IN_8 = 126, 127


def text_frame(message: bytes, mask: bytes) -> bytes:
    """A whole text message as one frame of a client. Source: RFC 6455, 5.2.

    Args:
        message: UTF-8.
        mask: `MASK_BYTES` of them, never used before and not to be foretold.
    """
    length = len(message)
    if length < _LENGTH_IN_2:
        head = bytes((_MASKED | length,))
    elif length < 1 << 16:
        head = bytes((_MASKED | _LENGTH_IN_2,)) + length.to_bytes(2, "big")
    else:
        head = bytes((_MASKED | _LENGTH_IN_8,)) + length.to_bytes(8, "big")
    return b"".join((_FINAL_TEXT, head, mask, apply_mask(message, mask)))


class Masks:
    """Random bytes, drawn ahead and each given out once."""

    def __init__(self) -> None:
        self._draw()

    def next(self) -> bytes:
        """`MASK_BYTES` of them."""
        if self._used == len(self._drawn):
            self._draw()
        self._used += MASK_BYTES
        return self._drawn[self._used - MASK_BYTES : self._used]

    def _draw(self) -> None:
        self._drawn, self._used = os.urandom(MASK_BYTES * MASKS_AHEAD), 0


class FeedConnection(ClientConnection):
    """A client connection of websockets with a fast lane for text. Without ``take_frame`` it is as the library made it."""

    take_frame: TakeFrame | None = None

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._masks = Masks()

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
        protocol = self.protocol
        if protocol.state is State.OPEN and not protocol.extensions and not protocol.expect_continuation_frame:
            protocol.writes.append(text_frame(message, self._masks.next()))
        else:
            protocol.send_text(message)  # which knows what is wrong, or what else has to be done to the bytes
        self.send_data()
        return not self.paused
