"""A port to listen on, or one line that says why there is none."""

import errno
import os
import socket

from backscroll.exits import CommandError


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
    # Named as TCP: only then does asyncio send a reply's parts at once, instead of 40 ms apart.
    return socket.socket(family, proto=socket.IPPROTO_TCP, fileno=listening.detach())


def _not_ours(host: str) -> CommandError:
    return CommandError(
        f"--host {host} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all"
    )


def address(host: str, listener: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a listener, without a path."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{listener.getsockname()[1]}"
