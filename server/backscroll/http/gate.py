"""Checks the `Host` and `Origin` headers of requests.

The owner of a web page can make the page's host name resolve to this machine (DNS rebinding). The
page could then call this server and read every message. But the page's requests have the page's
host name in their headers, so this check refuses them (MCP specification, transports, security
warning).
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backscroll.http.refusals import RefusedError

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")

_HOST: Final = r"(?:[a-z0-9_]|[a-z0-9_][a-z0-9_.-]*[a-z0-9_]|\[[0-9a-f:.]+\])"
_PORT: Final = r"(?::(?:\d{1,5}|\*))?"
_HOST_RULE: Final = re.compile(_HOST + _PORT)
_ORIGIN_RULE: Final = re.compile(rf"[a-z][a-z0-9+.-]*://{_HOST}{_PORT}")
_ANY_PORT: Final = r"(?::\d{1,5})?"


def is_host(word: str) -> bool:
    """Return whether a word is a host name, IPv4 address or bracketed IPv6 address.

    A port may follow.
    """
    return _HOST_RULE.fullmatch(word.lower()) is not None


def is_origin(word: str) -> bool:
    """Return whether a word is a scheme and a host. A port may follow."""
    return _ORIGIN_RULE.fullmatch(word.lower()) is not None


def pattern(words: Iterable[str]) -> str:
    """Return a regular expression that matches the given hosts or origins in lower case.

    If a host or origin has no port, or ends with `:*`, the expression allows any port. This is
    safe, because the host name alone is enough to detect an attack.

    Args:
        words: the hosts or origins. `is_host` or `is_origin` must accept each of them.
    """
    return "|".join(_one(word.lower()) for word in words) or r"(?!)"


def _one(word: str) -> str:
    if re.search(r":\d+$", word) and not word.endswith("]"):
        return re.escape(word)
    return re.escape(word.removesuffix(":*")) + _ANY_PORT


class Allowed(Struct, frozen=True):
    """Regular expressions that match the allowed hosts and origins in lower case."""

    hosts: re.Pattern[str]
    origins: re.Pattern[str]

    def check(self, headers: Headers) -> None:
        """Check the `Host` and `Origin` headers of a request.

        Raises:
            RefusedError: 421 if the host is not allowed, 403 if an origin is not allowed.
        """
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.hosts.fullmatch(hosts[0].lower()):
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The Host header is not allowed: see BACKSCROLL_ALLOWED_HOSTS.",
            )
        for origin in headers.getlist("origin"):
            if not self.origins.fullmatch(origin.lower()):
                raise RefusedError(
                    HTTPStatus.FORBIDDEN,
                    "The Origin header is not allowed: see BACKSCROLL_ALLOWED_ORIGINS.",
                )


class Gate:
    """ASGI middleware that checks `Host` and `Origin`, except on paths that are open to all."""

    def __init__(self, app: ASGIApp, allowed: Allowed, open_to_all: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed
        self._open = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it and state the reason."""
        if scope["type"] == "http" and scope["path"] not in self._open:
            try:
                self._allowed.check(Headers(scope=scope))
            except RefusedError as refused:
                await refused.answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
