"""Chooses the headers that are passed on to the model server, and back to the caller.

Source of the hop-by-hop headers: RFC 9110, section 7.6.1.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from backscroll_tools.client import connections

Headers: TypeAlias = list[tuple[bytes, bytes]]

NONCE: Final = b"backscroll-recorder"
"""The header that names the recorders that a request has passed, to detect a loop."""

_HOP_BY_HOP: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization"),
        *(b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
_NEVER_UP: Final = frozenset({b"host", b"cookie", b"expect", b"origin", NONCE})
_IDENTITY: Final = frozenset(
    {
        *(b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key"),
        *(b"openai-organization", b"openai-project"),
    }
)
"""Headers that say who calls. If the operator has a key, those of callers are not passed on."""

_OF_ONE_REQUEST: Final = frozenset(
    {"traceparent", "tracestate", "baggage", "x-request-id", "x-client-request-id"}
)
_OF_CLIENT_LIBRARY: Final = "x-stainless-"
"""What OpenAI's client libraries call their headers: their version, the number of the retry, ..."""

_NEVER_DOWN: Final = frozenset({b"set-cookie", b"set-cookie2", b"server", b"date", b"alt-svc"})
_OF_BODY: Final = frozenset({b"content-length", b"content-encoding"})


def upward(given: Headers, nonce: bytes, key: str, *, is_read: bool) -> Headers:
    """Return the headers of a request to the model server.

    Args:
        given: the caller's headers, with names in lower case.
        nonce: what identifies this recorder.
        key: the operator's key; empty to pass on that of the caller.
        is_read: whether the recorder reads the request and the answer. If so, neither is
            compressed. Nor is the answer if there is a key, so that an error that quotes it can be
            read.
    """
    dropped = _HOP_BY_HOP | _NEVER_UP | _named_by_connection(given) | _overridden(given)
    passed = b", ".join(value for name, value in given if name == NONCE)
    added: Headers = [(NONCE, b", ".join(filter(None, (passed, nonce))))]
    if is_read:
        dropped |= _OF_BODY
    if is_read or key:
        dropped |= {b"accept-encoding"}
        added.append((b"accept-encoding", b"identity"))
    if key:
        dropped |= _IDENTITY
        added.append((b"authorization", f"Bearer {key}".encode()))
    return [*_without(given, dropped), *added]


def identifies_caller(header: str) -> bool:
    """Return whether a header may identify the caller, so that others need their own connections.

    Args:
        header: its name, in lower case.
    """
    return (
        connections.identifies_caller(header)
        and header not in _OF_ONE_REQUEST
        and not header.startswith(_OF_CLIENT_LIBRARY)
    )


def downward(given: Headers, *, is_read: bool) -> Headers:
    """Return the headers of a reply to the caller.

    Headers that let web pages of any origin read the reply are left out, because the recorder is
    for programs on this machine.

    Args:
        given: the headers of the model server's reply.
        is_read: whether the recorder has read the body, so that its length may differ.
    """
    lower = [(name.lower(), value) for name, value in given]
    dropped = _HOP_BY_HOP | _NEVER_DOWN | _named_by_connection(lower) | _overridden(lower) | {NONCE}
    if is_read:
        dropped |= _OF_BODY
    kept = _without(lower, dropped)
    return [each for each in kept if not each[0].startswith(b"access-control-")]


def _named_by_connection(given: Headers) -> frozenset[bytes]:
    """Return the names of the further hop-by-hop headers, which the header `Connection` lists."""
    values = (value for name, value in given if name == b"connection")
    return frozenset(name.strip().lower() for value in values for name in value.split(b","))


def _overridden(given: Headers) -> frozenset[bytes]:
    """Return the names of the headers that do not count (RFC 9112, section 6.3)."""
    is_chunked = any(name == b"transfer-encoding" for name, _ in given)
    return frozenset({b"content-length"}) if is_chunked else frozenset()


def _without(
    given: Iterable[tuple[bytes, bytes]], dropped: frozenset[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    return (each for each in given if each[0] not in dropped)
