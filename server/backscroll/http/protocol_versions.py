"""Checks the `MCP-Protocol-Version` header of requests (MCP specification, transports)."""

from typing import Final

from mcp.types import ErrorData, JSONRPCError, JSONRPCRequest
from mcp_types.jsonrpc import UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

from backscroll.mcp.json_rpc import WITH_BATCHES, Received

HEADER: Final = "mcp-protocol-version"

_SHOWN: Final = 64
"""An error quotes at most this many characters of an unknown version."""

_ENVELOPE: Final = "io.modelcontextprotocol/protocolVersion"
_UNKNOWN: Final = (
    "The MCP-Protocol-Version header has no version that this server supports: "
    f"{', '.join(KNOWN_PROTOCOL_VERSIONS)}."
)


def drop_empty(scope: Scope) -> None:
    """Remove an empty header, which some proxies send. It means the same as no header."""
    if Headers(scope=scope).get(HEADER) == "":
        del MutableHeaders(scope=scope)[HEADER]


def has_batches(scope: Scope) -> bool:
    """Return whether a request uses the protocol version that has batches.

    A request without the header uses that version, because later versions require the header (MCP
    2025-06-18, transports, protocol version header).
    """
    return Headers(scope=scope).get(HEADER, WITH_BATCHES) == WITH_BATCHES


def check(scope: Scope, received: Received) -> JSONRPCError | None:
    """Return the error for a request whose header has an unknown version, or None.

    The header of an `initialize` request is removed and the result is None, because client and
    server agree on a version only in the reply. If the body of a request has a version too, the
    result is None, because the SDK compares the header with the body.
    """
    version = Headers(scope=scope).get(HEADER)
    message = received.message
    if version is None or version in KNOWN_PROTOCOL_VERSIONS:
        return None
    if not isinstance(message, JSONRPCRequest):
        return None
    meta = (message.params or {}).get("_meta")
    if isinstance(meta, dict) and _ENVELOPE in meta:
        return None
    if message.method == "initialize":
        del MutableHeaders(scope=scope)[HEADER]
        return None
    data = {"supported": list(KNOWN_PROTOCOL_VERSIONS), "requested": version[:_SHOWN]}
    error = ErrorData(code=UNSUPPORTED_PROTOCOL_VERSION, message=_UNKNOWN, data=data)
    return JSONRPCError(jsonrpc="2.0", id=message.id, error=error)
