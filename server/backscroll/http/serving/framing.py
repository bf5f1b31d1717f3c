"""Parses HTTP/1.1 strictly: refuses requests with ambiguous framing or too many small chunks.

h11 accepts line endings and headers that RFC 9112 allows a server to refuse. If a proxy interprets
them differently, it may take a part of one request for another request (request smuggling).
"""

from typing import Final

import h11

FREE_CHUNKS: Final = 4096
"""The number of chunks that a body may have regardless of their size."""

CHUNK_BYTES: Final = 64
"""The minimum number of bytes that a body must contain for each chunk beyond `FREE_CHUNKS`. Without
this limit, small chunks would take too much time: parsing any chunk takes at least as long as
parsing 1 KiB of a large chunk."""

_CLOSE: Final = (b"connection", b"close")


class FramedConnection(h11.Connection):
    """The server's side of an HTTP/1.1 connection. Ambiguous framing is an error.

    A chunked body is parsed only after `want_body` is called. So if a request is refused because of
    its headers, no time is spent on its body.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER)
        self._chunked = self._wanted = False
        self._chunks = self._bytes = 0
        self._window = b""
        self.flaw = ""
        """Why this class refused a request; empty if no request was refused or h11 refused it."""

    @property
    def holds_body(self) -> bool:
        """Whether a chunked body is held back until `want_body` is called."""
        return self._chunked and not self._wanted

    def want_body(self) -> None:
        """Let the body of the current request be parsed."""
        self._wanted = True

    def receive_data(self, data: bytes) -> None:
        """Buffer bytes from the client, which `next_event` parses."""
        if self._chunked:
            self._window = self.trailing_data[0] + data
        super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event from the client.

        Raises:
            h11.RemoteProtocolError: the request is not valid HTTP, its framing is ambiguous
                (RFC 9112, sections 2.2, 5.2 and 6.1), or it has too many small chunks.
        """
        if self.their_state is h11.IDLE:
            self._window = self.trailing_data[0]
            self._check_head()
        if self.holds_body:
            return h11.PAUSED
        event = super().next_event()
        match event:
            case h11.Request():
                self._begin(event)
            case h11.Data():
                self._count(event)
            case h11.EndOfMessage() if self._chunked:
                self._check_end(event)
        return event

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """Return the bytes to send for an event.

        If the response begins before the request has ended, it tells the client that the connection
        will be closed.
        """
        if isinstance(event, h11.Response) and self.their_state is h11.SEND_BODY:
            headers = [*(pair for pair in event.headers if pair[0] != b"connection"), _CLOSE]
            event = h11.Response(
                status_code=event.status_code, headers=headers, reason=event.reason
            )
        return super().send_with_data_passthrough(event)

    def _begin(self, request: h11.Request) -> None:
        names = {name for name, _ in request.headers}
        self._chunked, self._wanted = b"transfer-encoding" in names, False
        self._chunks = self._bytes = 0
        if not self._chunked:
            self._window = b""
        elif b"content-length" in names or request.http_version < b"1.1":
            raise self._doubt("Transfer-Encoding is used with Content-Length or HTTP/1.0.")

    def _count(self, data: h11.Data) -> None:
        self._chunks += data.chunk_start
        self._bytes += len(data.data)
        if self._chunks > FREE_CHUNKS + self._bytes / CHUNK_BYTES:
            raise self._doubt("The body has too many small chunks.")

    def _check_end(self, end: h11.EndOfMessage) -> None:
        """Check that the trailers end with CRLF and are not folded.

        The event of h11 does not show this, so this method checks the received bytes.
        """
        read = self._window[: len(self._window) - len(self.trailing_data[0])]
        self._window = b""
        # The bytes end with the trailers and an empty line. `rsplit` also returns `b""` for the end
        # after the last line feed.
        count = len(end.headers) + 2
        lines = read.rsplit(b"\n", count)[-count:-1]
        if not all(line.endswith(b"\r") and line[0] not in b" \t" for line in lines):
            raise self._doubt("A line after the last chunk is folded or does not end with CRLF.")

    def _check_head(self) -> None:
        head = self._window.partition(b"\r\n\r\n")[0]
        if head.count(b"\n") != head.count(b"\r\n"):
            raise self._doubt("A header line does not end with CRLF.")
        if b"\n " in head or b"\n\t" in head:
            raise self._doubt("A header is folded over several lines.")

    def _doubt(self, flaw: str) -> h11.RemoteProtocolError:
        self.flaw = flaw
        return h11.RemoteProtocolError(flaw)
