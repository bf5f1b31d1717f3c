"""A client that times a streamed completion of `bench/peers/model.py`, token by token."""

import json
import re
import socket
import time
from dataclasses import dataclass
from statistics import median
from typing import Final
from urllib.parse import urlsplit

from bench.figures import UnmeasuredError

TIMEOUT_S: Final = 60
"""How many seconds may pass without a byte."""

_SENT: Final = re.compile(rb'"content": ?"t(\d+) "')
_END: Final = b"\r\n0\r\n\r\n"
_FRAME: Final = re.compile(rb"\r\n[0-9a-f]+\r\n")
"""What is between two chunks of HTTP's. An event may be in several; its own lines end with \\n."""

_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Timed:
    """How long a stream took.

    Attributes:
        first_ms: from the request to its first token, in milliseconds.
        token_ms: from when the model sent a token until it came, in milliseconds: the median.
        end_ms: from when the model sent the last token until the end came, in milliseconds.
        last_ms: from the request to its last token, in milliseconds.
    """

    first_ms: float
    token_ms: float
    end_ms: float
    last_ms: float


class Caller:
    """Sends requests to a server, each on a connection of its own.

    Args:
        base_url: the server's base URL.
    """

    def __init__(self, base_url: str) -> None:
        url = urlsplit(base_url)
        self._address = (url.hostname, url.port)
        self._head = (
            f"POST {url.path}/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\n"
            "content-type: application/json\r\nauthorization: Bearer none\r\ncontent-length: "
        )

    def stream(self, tokens: int, pause_s: float) -> Timed:
        """Connect; then ask for an answer, and time it.

        Args:
            tokens: how many tokens it has.
            pause_s: how many seconds pass between two of them; 0 for as fast as can be.

        Raises:
            UnmeasuredError: another number of tokens came.
        """
        with socket.create_connection(self._address, TIMEOUT_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._timed(connection, tokens, pause_s)

    def _timed(self, connection: socket.socket, tokens: int, pause_s: float) -> Timed:
        messages = [{"role": "user", "content": f"{tokens} {pause_s}"}]
        body = json.dumps({"model": "m", "stream": True, "messages": messages})
        begun = time.perf_counter_ns()
        connection.sendall(f"{self._head}{len(body)}\r\n\r\n{body}".encode())
        first, now, sent, last_at = 0, begun, 0, begun
        took, seen, end = list[int](), b"", b""
        while end != _END:
            piece = connection.recv(_PIECE)
            now = time.perf_counter_ns()
            if not piece:
                raise UnmeasuredError(f"the stream broke off after {len(took)} tokens")
            end = (end + piece)[-len(_END) :]
            seen = _FRAME.sub(b"", seen + piece)
            last = 0
            for match in _SENT.finditer(seen):
                first = first or now
                sent, last = int(match[1]), match.end()
                took.append(now - sent)
            if last:
                seen, last_at = seen[last:], now
        if len(took) != tokens:
            raise UnmeasuredError(f"{len(took)} of {tokens} tokens came: {seen[:300]!r}")
        return Timed(
            (first - begun) / 1e6, median(took) / 1e6, (now - sent) / 1e6, (last_at - begun) / 1e6
        )
