"""How long a client may take to send a request, and to read, and how much of it is read at all.

uvicorn itself waits for ever, and reads the body of a request that it has refused. Its protocol is
no public class: `http/__init__.py` lists what is used of it.
"""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from backscroll.http.serving.framing import FramedConnection
from backscroll.http.serving.lingering import LingeringTransport

if TYPE_CHECKING:
    from uvicorn._types import (
        ASGIReceiveCallable,
        ASGIReceiveEvent,
        ASGISendCallable,
        Scope,
    )

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
    does not read for `read_s` seconds is cut off, and so ends its call.
    """

    receive_s: ClassVar[float]
    read_s: ClassVar[float] = READ_S
    used_at: float = 0.0
    """When its last response ended, on the loop's clock in seconds; 0 for none yet."""

    _awaited: object = None
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        """Begin to wait for the first headers."""
        self.conn = self._framed = FramedConnection()
        self.app = self._answer
        self._ending = LingeringTransport(transport, self.loop, self._is_sending)
        super().connection_made(cast("asyncio.Transport", self._ending))
        self._wait_for(h11.IDLE)

    def data_received(self, data: bytes) -> None:
        """Take in what has come, unless the connection is at its end."""
        if self._ending.lingers:
            self._ending.throw_away(len(data))
        else:
            super().data_received(data)

    def handle_events(self) -> None:
        """Act on the bytes that have come, and see what is awaited now."""
        cycle = self.cycle
        super().handle_events()
        state = self.conn.their_state
        same = self.cycle is cycle and self._awaited is state
        if self._framed.holds_body:
            self._wait_for(None)
        elif state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            if not same:
                self._wait_for(state)
        elif state is not h11.IDLE or not same:
            self._wait_for(None)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way; one whose headers are not there yet is none."""
        return self.conn.our_state not in {h11.SEND_RESPONSE, h11.SEND_BODY}

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, where that can still be said, and end the connection."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(self._framed.flaw or msg)
        self.transport.close()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def shutdown(self) -> None:
        """Close the connection as soon as no request is under way."""
        if self._ending.lingers:
            self._ending.finish()
        else:
            super().shutdown()

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self.used_at = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait until the client reads."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.read_s, self.transport.abort)

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
        self._ending.forget()

    async def _answer(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Have the application answer, and read the body as soon as it asks for it."""

        async def wanted() -> "ASGIReceiveEvent":
            if self.scope is scope and self._framed.holds_body:
                self._framed.want_body()
                self.handle_events()
            return await receive()

        await self.config.loaded_app(scope, wanted, send)

    def _is_sending(self) -> bool:
        """Whether the client may be in the middle of a request."""
        idle = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        done = self.conn.their_state in {h11.DONE, h11.MUST_CLOSE, h11.CLOSED}
        return not idle and not done

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


def protocol(receive_s: float, read_s: float = READ_S) -> type[PunctualProtocol]:
    """Return the protocol with these limits.

    Args:
        receive_s: how many seconds headers, and then a body, may take.
        read_s: how many seconds a client may let what it was sent pile up.
    """
    return type("Punctual", (PunctualProtocol,), {"receive_s": receive_s, "read_s": read_s})
