"""Ports for servers that must be told one before they start."""

import secrets
import socket
from contextlib import suppress
from typing import Final

_FIRST: Final = 10_000
_NUMBER: Final = 20_000


def free_port() -> int:
    """Return a TCP port that nothing listens on.

    It is below the ports that systems choose by themselves (Linux from 32768, others from 49152),
    so no other program gets it before the server listens, nor while the server is restarted.
    """
    while True:
        port = _FIRST + secrets.randbelow(_NUMBER)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
