"""Opens a port to listen on, or says in one line why it cannot."""

import errno
import os
import socket
import sys

from backscroll.process.exits import CommandError


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Args:
        host: an address of this machine, or a name for one.
        port: 0 for any free port.

    Raises:
        CommandError: the address is not this machine's, or the port is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family)
        listening = socket.create_server((host, port), family=family)
    except (socket.gaierror, UnicodeError):
        raise _not_ours(host) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise _not_ours(host) from None
        raise CommandError(
            f"cannot listen on {_joined(host, port)} ({os.strerror(error.errno or 0)}): "
            "choose another with --port"
        ) from None
    return _named(listening)


def listen_apart(host: str, port: int, number: int) -> list[socket.socket]:
    """Return sockets on one port, one for each of several processes.

    Linux spreads connections among them. Elsewhere all of them are the same socket, and the process
    that wakes first takes a connection.

    Args:
        host: an address of this machine, or a name for one.
        port: 0 for any free port.
        number: how many.

    Raises:
        CommandError: the address is not this machine's, or the port is in use, even if by a server
            that would share it.
    """
    first = listen(host, port)
    if sys.platform != "linux":
        return [first] * number
    with first:
        # Set only now, so that `listen` fails if another server uses the port.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return [
            _named(socket.create_server(first.getsockname(), family=first.family, reuse_port=True))
            for _ in range(number)
        ]


def _named(listening: socket.socket) -> socket.socket:
    """Return a socket with its protocol named TCP; only then does asyncio set TCP_NODELAY."""
    return socket.socket(listening.family, proto=socket.IPPROTO_TCP, fileno=listening.detach())


def _not_ours(host: str) -> CommandError:
    return CommandError(
        f"--host {host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all"
    )


def address(host: str, listener: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a listener, without a path."""
    return f"{scheme}://{_joined(host, listener.getsockname()[1])}"


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
