"""How long a client may take to send a request, and to read: uvicorn itself waits for ever."""

import asyncio
from typing import ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

READ_S: Final = 60.0
"""How many seconds a client may let what it was sent pile up here, which is 64 KiB and more."""

_SENTENCE: Final = b"The request came in too slowly."
_TIMEOUT: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)


class PunctualProtocol(H11Protocol):
    """HTTP/1.1 on one connection, which is closed where a request comes in too slowly.

    The headers have `receive_s` seconds from the first byte (of a new connection from the start),
    and so has the body from when the headers are there. RFC 9110, section 15.5.9. A client that
    does not read is cut off, and so ends its call.
    """

    receive_s: ClassVar[float]
    used_at: float = 0.0
    """When its last response ended, on the loop's clock in seconds; 0 for none yet."""

    _awaited: object = None
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        """Begin to wait for the first headers."""
        super().connection_made(transport)
        self._wait_for(h11.IDLE)

    def handle_events(self) -> None:
        """Act on the bytes that have come, and see what is awaited now."""
        cycle = self.cycle
        super().handle_events()
        state = self.conn.their_state
        same = self.cycle is cycle and self._awaited is state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            if not same:
                self._wait_for(state)
        elif state is not h11.IDLE or not same:
            self._wait_for(None)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way; one whose headers are not there yet is none."""
        return self.conn.our_state not in {h11.SEND_RESPONSE, h11.SEND_BODY}

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self.used_at = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait until the client reads."""
        super().pause_writing()
        self._unread = self.loop.call_later(READ_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing: the client reads."""
        super().resume_writing()
        self._forget_unread()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also where its client does not read what it was sent."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.receive_s, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_for(None)
        self._forget_unread()
        super().connection_lost(exc)

    def _wait_for(self, part: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._awaited, self._timer = part, None
        if part is not None:
            self._timer = self.loop.call_later(self.receive_s, self._give_up)

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        answered = self._awaited is h11.SEND_BODY and self.cycle.response_started
        if not answered:
            self.transport.write(_TIMEOUT)
        self.transport.close()
        self.loop.call_later(self.receive_s, self.transport.abort)


def protocol(receive_s: float) -> type[PunctualProtocol]:
    """Return the protocol that gives headers, and then a body, so many seconds."""
    return type("Punctual", (PunctualProtocol,), {"receive_s": receive_s})
