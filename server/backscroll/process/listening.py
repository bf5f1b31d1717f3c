"""A port to listen on, or one line that says why there is none."""

import errno
import os
import socket
import sys

from backscroll.process.exits import CommandError


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: an address of this machine, or a name of one.
        port: 0 for any that is free.

    Raises:
        CommandError: the address is not this machine's, or the port is taken.
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
            f"port {port} of {host} is not to be had ({os.strerror(error.errno or 0)}): "
            "choose another with --port"
        ) from None
    return _named(listening)


def listen_apart(host: str, port: int, number: int) -> list[socket.socket]:
    """Return sockets on one port, one for each of several processes.

    Linux spreads connections among them. Elsewhere they are one and the same, and whichever process
    wakes first takes what has come.

    Args:
        host: an address of this machine, or a name of one.
        port: 0 for any that is free.
        number: how many.

    Raises:
        CommandError: the address is not this machine's, or the port is taken, by others that
            would share it too.
    """
    first = listen(host, port)
    if sys.platform != "linux":
        return [first] * number
    with first:
        # Only now, so that the port was found to be free of any other server.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return [
            _named(socket.create_server(first.getsockname(), family=first.family, reuse_port=True))
            for _ in range(number)
        ]


def _named(listening: socket.socket) -> socket.socket:
    """Return a socket as TCP's own: only then does asyncio send a reply's parts at once."""
    return socket.socket(listening.family, proto=socket.IPPROTO_TCP, fileno=listening.detach())


def _not_ours(host: str) -> CommandError:
    return CommandError(
        f"--host {host} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all"
    )


def address(host: str, listener: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a listener, without a path."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{listener.getsockname()[1]}"
