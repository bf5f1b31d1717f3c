"""Limits the time in which a client must send a request and read the response.

uvicorn has no such limits, and it reads the body of a request even after refusing the request. This
module uses names of uvicorn that are not public; `http/__init__.py` lists them.
"""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

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
"""The time limit for a client that reads its response slowly, in seconds. The time begins when
more than 64 KiB of the response (with TLS, 512 KiB) wait to be sent. It ends when at most 16 KiB
(with TLS, 128 KiB) still wait."""

_SENTENCE: Final = b"The request was sent too slowly."
_TIMEOUT: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)


class PunctualProtocol(H11Protocol):
    """HTTP/1.1 on one connection, which is closed if a request arrives too slowly.

    A request's headers must arrive within `receive_s` seconds after their first byte; for the first
    request, this time begins when the connection is opened. The body must arrive within `receive_s`
    seconds after the headers (RFC 9110, section 15.5.9); for a chunked body, this time begins when
    the application asks for it. If a client reads too slowly for `read_s` seconds (see `READ_S`),
    the connection is aborted, which cancels the client's call.
    """

    receive_s: ClassVar[float]
    read_s: ClassVar[float] = READ_S
    used_at: float = 0.0
    """When the last response ended, by the event loop's clock; 0 before the first response."""

    _awaited: object = None
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # same type as in uvicorn's base class
        """Start the timer for the first request's headers."""
        self.conn = self._framed = FramedConnection()
        self.app = self._answer
        self._ending = LingeringTransport(transport, self.loop, self._is_sending)
        super().connection_made(cast("asyncio.Transport", self._ending))
        self._wait_for(h11.IDLE)

    def data_received(self, data: bytes) -> None:
        """Receive bytes, or discard them if the connection is closing."""
        if self._ending.lingers:
            self._ending.throw_away(len(data))
        else:
            super().data_received(data)

    def handle_events(self) -> None:
        """Handle the received bytes, and set the timer for the next part of the request."""
        super().handle_events()
        state = self.conn.their_state
        begun = state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0])
        if self._framed.holds_body or not begun:
            self._wait_for(None)
        elif self._awaited is not state:
            self._wait_for(state)

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress. A request begins when its headers are complete."""
        return self.conn.our_state not in {h11.SEND_RESPONSE, h11.SEND_BODY}

    def send_400_response(self, msg: str) -> None:
        """Refuse an invalid request, and state the reason."""
        super().send_400_response(self._framed.flaw or msg)

    def on_response_complete(self) -> None:
        """Record the time at which the response ended, and continue with the next request."""
        self.used_at = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start the timer that ends the connection of a client that does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.read_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel the timer, because the client reads again."""
        super().resume_writing()
        self._forget_unread()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers."""
        self._wait_for(None)
        self._forget_unread()
        super().connection_lost(exc)

    async def _answer(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Run the application. A chunked body is not parsed until the application asks for it."""

        async def wanted() -> "ASGIReceiveEvent":
            if self.scope is scope and self._framed.holds_body:
                self._framed.want_body()
                self.handle_events()
            return await receive()

        await self.config.loaded_app(scope, wanted, send)

    def _is_sending(self) -> bool:
        """Return whether the client may have sent only part of a request."""
        return self.conn.their_state is not h11.MUST_CLOSE

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


def protocol(receive_s: float, read_s: float = READ_S) -> type[PunctualProtocol]:
    """Return a protocol class with the given limits.

    Args:
        receive_s: the time limit for the headers and, separately, for the body, in seconds.
        read_s: the time limit for a client that reads its response slowly, in seconds.
    """
    return type("Punctual", (PunctualProtocol,), {"receive_s": receive_s, "read_s": read_s})
