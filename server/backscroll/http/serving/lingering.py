"""Closes connections late: bytes that a client sends after the response are first discarded.

If a connection is closed at once, it may be reset before the client has read the response (RFC
9112, section 9.6).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

LINGER_S: Final = 1.0
"""The maximum time that a client may keep sending after the response, in seconds."""

LINGER_BYTES: Final = 1 << 20
"""The connection is closed once this many bytes were discarded."""

CUT_S: Final = 10.0
"""The maximum time for sending the unsent part of a response when closing, in seconds."""


class LingeringTransport:
    """A transport whose `close` takes effect after the client has stopped sending, or at a limit.

    The limits are `LINGER_S` and `LINGER_BYTES`. Methods that are not defined here are those of the
    wrapped transport.

    Args:
        transport: the wrapped transport.
        loop: the event loop of the transport.
        is_sending: returns whether the client may have sent only part of a request.
        cut_s: the maximum time for sending the unsent part of a response when closing, in seconds.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_sending: Callable[[], bool],
        cut_s: float = CUT_S,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._is_sending = is_sending
        self._cut_s = cut_s
        self._left = LINGER_BYTES
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of a transport
        """Return an attribute of the wrapped transport."""
        return getattr(self._transport, name)

    @property
    def lingers(self) -> bool:
        """Whether bytes from the client are now discarded."""
        return self._timer is not None

    def is_closing(self) -> bool:
        """Return whether the transport is closing, so that nothing more can be written to it."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Close the connection. If the client is still sending, first give it time to read."""
        if self.is_closing():
            return
        if not self._is_sending():
            self.finish()
            return
        self._timer = self._loop.call_later(LINGER_S, self.finish)
        if self._transport.can_write_eof():
            with suppress(OSError):  # the client has disconnected; the loop will report it
                self._transport.write_eof()
        self._transport.resume_reading()

    def throw_away(self, size: int) -> None:
        """Count bytes that were received and discarded."""
        self._left -= size
        if self._left <= 0:
            self.finish()

    def finish(self) -> None:
        """Close the connection once the response is sent, or abort it after `cut_s` seconds."""
        self._transport.close()
        self._timer = self._loop.call_later(self._cut_s, self._transport.abort)
