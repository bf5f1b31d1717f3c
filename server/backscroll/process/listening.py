"""Opens listening sockets, and reports failures in one line."""

import errno
import os
import socket
import sys

from backscroll.process.exits import CommandError


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Args:
        host: an address or name of this machine.
        port: the port, or 0 for any free port.

    Raises:
        CommandError: the address does not belong to this machine, or the port is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family)
        listening = socket.create_server((host, port), family=family)
    except (socket.gaierror, UnicodeError):
        raise _not_local(host) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise _not_local(host) from None
        raise CommandError(
            f"cannot listen on {_host_and_port(host, port)} ({os.strerror(error.errno or 0)}): "
            "choose another with --port"
        ) from None
    return _with_protocol(listening)


def listen_apart(host: str, port: int, number: int) -> list[socket.socket]:
    """Return several listening sockets on the same port, one for each worker process.

    On Linux, the kernel distributes connections among the sockets. On other systems, all items of
    the list are the same socket, and the process that wakes first accepts a connection.

    Args:
        host: an address or name of this machine.
        port: the port, or 0 for any free port.
        number: the number of sockets.

    Raises:
        CommandError: the address does not belong to this machine, or the port is in use. The port
            counts as in use even if the server that uses it has set SO_REUSEPORT to share it.
    """
    first = listen(host, port)
    if sys.platform != "linux":
        return [first] * number
    with first:
        # SO_REUSEPORT is set after `listen`, so that `listen` fails if another server has the port.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        name = first.getsockname()
        sockets = [
            socket.create_server(name, family=first.family, reuse_port=True) for _ in range(number)
        ]
        return [_with_protocol(listening) for listening in sockets]


def _with_protocol(listening: socket.socket) -> socket.socket:
    """Return the socket with `proto` set to TCP. Otherwise asyncio would not set TCP_NODELAY."""
    return socket.socket(listening.family, proto=socket.IPPROTO_TCP, fileno=listening.detach())


def _not_local(host: str) -> CommandError:
    return CommandError(
        f"--host {host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all"
    )


def address(host: str, listener: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a listening socket, without a path."""
    return f"{scheme}://{_host_and_port(host, listener.getsockname()[1])}"


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
