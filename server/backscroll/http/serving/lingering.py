"""The end of a connection whose client is still sending: what comes is thrown away.

To close at once would reset the connection, and a client that is reset may lose the response that
tells it why (RFC 9112, section 9.6).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

LINGER_S: Final = 1.0
"""For how many seconds a client may read its response, and go on sending."""

LINGER_BYTES: Final = 1 << 20
"""How many bytes are thrown away before a client is cut off."""

READ_BYTES: Final = 1 << 10
"""For how many bytes a read counts, at least: there are 1,024 at most."""

CUT_S: Final = 10.0
"""How many seconds after that a client has to take what it was sent."""


class LingeringTransport:
    """A connection that, when it is closed, waits for a client that is still sending.

    All but the end is the connection's own.

    Args:
        transport: the connection.
        loop: where it runs.
        is_sending: whether its client has more to send than was read.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_sending: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._is_sending = is_sending
        self._left = LINGER_BYTES
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transport has
        """Return what the connection itself has."""
        return getattr(self._transport, name)

    @property
    def lingers(self) -> bool:
        """Whether what comes in is to be thrown away."""
        return self._timer is not None

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Close the connection, as soon as its client has read why."""
        if self.is_closing():
            return
        if not self._is_sending():
            self._transport.close()
            return
        self._timer = self._loop.call_later(LINGER_S, self.finish)
        if self._transport.can_write_eof():
            with suppress(OSError):  # the client has gone, which will be noticed
                self._transport.write_eof()
        self._transport.resume_reading()

    def throw_away(self, size: int) -> None:
        """Count bytes that came in and are not looked at."""
        self._left -= max(size, READ_BYTES)
        if self._left <= 0:
            self.finish()

    def finish(self) -> None:
        """Close the connection now, and cut it off if its client does not read."""
        self.forget()
        self._transport.close()
        self._timer = self._loop.call_later(CUT_S, self._transport.abort)

    def forget(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
