"""The stdio front: answers the first requests of a host before the MCP SDK is imported.

A host starts a server with every chat and waits for the list of its tools. Importing the SDK takes
most of that time. The first requests of a host are always `initialize`, `server/discover`,
`tools/list`, `resources/list`, `resources/templates/list` or `ping`. The front answers these
requests from a prepared table of replies, without any third-party library, while a thread imports
the SDK. At the first line to which the table has no exact reply, the SDK's server takes over. It
also handles all earlier lines, so that its state is complete, but its replies to them are dropped,
because the front has sent replies already.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from backscroll.mcp import page_file
from backscroll.mcp.instructions import instructions
from backscroll.mcp.tool_entry import entry
from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll_tools import strict_json
from backscroll_tools.client.groups import GROUPS, Group
from backscroll_tools.client.profiles import Profile
from backscroll_tools.strict_json import JSONFlawError
from backscroll_tools.toolset import TOOLSETS, Toolset

TABLE: Final = Path(__file__).with_name("front_table.json")
"""The file with every tool and, by protocol version, the replies of the SDK's server.

In these replies, `tools` and `instructions` are empty, because both depend on the settings. A test
compares the file with the server's replies.
"""

MODERN: Final = "2026-07-28"
"""The first protocol version in which every request names its version and client in `_meta`."""

LINES: Final = 32
"""The maximum number of lines that the front answers. Hosts send only a few before a tool call."""

_ENVELOPE: Final = "io.modelcontextprotocol/"

Object = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """A tool in the table.

    Attributes:
        name: the tool's name.
        toolset: the toolset that the tool belongs to.
        writes: whether the tool adds, changes or deletes anything.
        needs: the tool works if the upstream serves at least one of these groups of endpoints.
        finds: what the tool finds without an id, such as `a thread`; empty if the tool needs an id.
        varies: whether the tool's schema depends on whether the server has an admin key.
        listed: the tool with all fields, as JSON of the MCP specification, if the server has no
            admin key.
    """

    name: str
    toolset: Toolset
    writes: bool
    needs: tuple[Group, ...]
    finds: str
    varies: bool
    listed: Object


class Front:
    """Answers the first lines of a connection.

    Args:
        settings: the operator's settings.
        profile: the kind of upstream.
    """

    def __init__(self, settings: Settings, profile: Profile) -> None:
        table = json.loads(TABLE.read_bytes())
        allowed = offered(map(_row, table["tools"]), settings, profile)
        self._tools = [row.listed for row in allowed]
        self._settings = settings
        self._can_list = not settings.admin_key or not any(row.varies for row in allowed)
        self._instructions = instructions(allowed)
        self._replies: dict[str, dict[str, dict[str, object]]] = table["replies"]
        self._version = ""
        self._shows_pages = False
        self.answered: list[bytes] = []

    def answer(self, line: bytes) -> bytes | None:
        """Return the reply to a line, with a newline at the end; empty if no reply is needed.

        The result is None if the SDK's server must handle this line. The server must then handle
        the lines in `answered` first.
        """
        if len(self.answered) == LINES:
            return None
        try:
            message = strict_json.loads(line)
        except JSONFlawError:
            return None
        result = self._result(message) if isinstance(message, dict) else None
        if result is None:
            return None
        self.answered.append(line)
        if "id" not in cast("Object", message):
            return b""
        reply = {"jsonrpc": "2.0", "id": cast("Object", message)["id"], "result": result}
        text = json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
        return text.encode() + b"\n"

    def _result(self, message: Object) -> Object | None:
        """Return the result of a request, or an empty result for a notification.

        The result is None if the SDK's server must handle the message.
        """
        match message:
            case {"jsonrpc": "2.0", "method": "notifications/initialized", **rest}:
                expected = self._version not in {"", MODERN} and rest in ({}, {"params": {}})
                return {} if expected else None
            case {
                "jsonrpc": "2.0",
                "id": int() | str() as request_id,
                "method": str() as method,
                **rest,
            }:
                params = rest.pop("params", {})
                if isinstance(request_id, bool) or rest or not isinstance(params, dict):
                    return None
                return self._reply(method, params)
            case _:
                return None

    def _reply(self, method: str, params: Object) -> Object | None:
        version = self._version
        capabilities: Object | None = None
        if method == "initialize":
            capabilities = cast("Object", params.get("capabilities"))
            version = str(params.get("protocolVersion")) if _is_handshake(params) else ""
            if self._version or version == MODERN:
                return None
        elif _is_modern(params):
            version = version or MODERN
            if version != MODERN:
                return None
            meta = cast("Mapping[str, Object]", params["_meta"])
            capabilities = meta[f"{_ENVELOPE}clientCapabilities"]
        elif version == MODERN or not _is_bare(params):
            return None
        reply = self._replies.get(version, {}).get(method)
        if reply is None or ("tools" in reply and not self._can_list):
            return None
        self._version = version
        if capabilities is not None:
            extensions = cast("Mapping[str, Object]", capabilities.get("extensions", {}))
            self._shows_pages = page_file.is_shown(extensions)
        if "tools" in reply:
            return {**reply, **self._list(has_scope="cacheScope" in reply)}
        if "instructions" in reply:
            return {**reply, "instructions": self._instructions}
        return reply

    def _list(self, *, has_scope: bool) -> Object:
        """Return the offered tools, and their cache scope if the settings change it."""
        listed = [
            entry(tool, self._settings, shows_pages=self._shows_pages) for tool in self._tools
        ]
        if has_scope and self._settings.output == "text":
            return {"tools": listed, "cacheScope": "private"}
        return {"tools": listed}


def _row(row: dict[str, Any]) -> Row:
    toolset = next(each for each in TOOLSETS if each.name == row["toolset"])
    needs = tuple(GROUPS[name] for name in row["needs"])
    return Row(**{**row, "toolset": toolset, "needs": needs})


def _is_handshake(params: Object) -> bool:
    """Return whether the parameters of `initialize` are valid; False if this is uncertain."""
    match params:
        case {
            "protocolVersion": str(),
            "capabilities": dict() as capabilities,
            "clientInfo": dict() as client,
            **rest,
        }:
            return (not rest) and _are_capabilities(capabilities) and _is_client(client)
        case _:
            return False


def _is_modern(params: Object) -> bool:
    """Return whether the parameters are only the `_meta` fields of version `MODERN`, all valid."""
    match params:
        case {"_meta": dict() as meta, **rest} if not rest:
            envelope = {name.removeprefix(_ENVELOPE): value for name, value in meta.items()}
            match envelope:
                case {
                    "protocolVersion": "2026-07-28",
                    "clientCapabilities": dict() as capabilities,
                    "clientInfo": dict() as client,
                    **others,
                }:
                    known = all(name.startswith(_ENVELOPE) for name in meta)
                    return (
                        known
                        and not others
                        and _are_capabilities(capabilities)
                        and _is_client(client)
                    )
    return False


def _is_bare(params: Object) -> bool:
    """Return whether the parameters are empty or contain only a progress token."""
    match params:
        case {"_meta": {"progressToken": int() | str() as token, **others}, **rest}:
            return not others and not rest and not isinstance(token, bool)
        case _:
            return not params or params == {"_meta": {}}


def _are_capabilities(capabilities: Object) -> bool:
    """Return whether a client's capabilities are valid; False if this is uncertain."""
    for name, value in capabilities.items():
        match name, value:
            case "roots", dict() as roots:
                if roots and list(roots.items()) not in (
                    [("listChanged", True)],
                    [("listChanged", False)],
                ):
                    return False
            case "extensions", dict() as parts:
                if not all(isinstance(part, dict) for part in parts.values()):
                    return False
            case "sampling" | "elicitation" | "experimental", dict() as parts:
                if not all(isinstance(part, dict) and not part for part in parts.values()):
                    return False
                if name == "sampling" and not parts.keys() <= {"tools", "context"}:
                    return False
                if name == "elicitation" and not parts.keys() <= {"form", "url"}:
                    return False
            case _:
                return False
    return True


def _is_client(client: Object) -> bool:
    known = {"name", "version", "title", "description", "websiteUrl"}
    return {"name", "version"} <= client.keys() <= known and all(
        isinstance(value, str) for value in client.values()
    )
