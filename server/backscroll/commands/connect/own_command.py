"""The hosts' own commands for adding and removing MCP servers, and the arguments of these commands.

Sources: the files that Claude Code 2.1.197, Codex 0.171.0 and Gemini CLI 0.61.0 write, and the
source of VS Code (`src/vs/platform/mcp/common/mcpManagementCli.ts` and
`mcpResourceScannerService.ts`).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from backscroll.settings.installation import NAME

Arguments: TypeAlias = tuple[str, ...]

_COMMENT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(//|/\*)')


class OwnCommand(Struct, frozen=True):
    """A host's own command that adds and removes servers.

    Attributes:
        program: the name of the program on PATH.
        add: returns the arguments that add a server, given the server in the format of the host's
            file, and the inputs that the server refers to.
        remove: the arguments that remove Backscroll; empty if the command cannot remove servers.
        replaces: whether the command replaces an entry of the same name. If it does not, the entry
            is removed first.
        lacks: returns the reason why the command cannot add a server, as the end of a sentence that
            begins with the program's name; empty if the command can add it. The function takes the
            server, and the text of the file without Backscroll's entry.
    """

    program: str
    add: Callable[[Mapping[str, Any], list[Mapping[str, Any]]], Arguments]
    remove: Arguments = ()
    replaces: bool = True
    lacks: Callable[[Mapping[str, Any], str], str] = lambda _server, _rest: ""


def _claude_add(server: Mapping[str, Any], _inputs: list[Mapping[str, Any]]) -> Arguments:
    return ("mcp", "add-json", "--scope", "user", NAME, _json(server))


def _code_add(server: Mapping[str, Any], inputs: list[Mapping[str, Any]]) -> Arguments:
    extra = {"inputs": inputs} if inputs else {}
    return ("--add-mcp", _json({"name": NAME, **server, **extra}))


def _code_lacks(_server: Mapping[str, Any], rest: str) -> str:
    if any(found[1] for found in _COMMENT.finditer(rest)):
        return "would drop the comments in its file"
    return ""


def _codex_add(server: Mapping[str, Any], _inputs: list[Mapping[str, Any]]) -> Arguments:
    variables = [part for pair in _pairs(server) for part in ("--env", pair)]
    return ("mcp", "add", NAME, *variables, "--", server["command"], *server.get("args", ()))


def _codex_lacks(server: Mapping[str, Any], _rest: str) -> str:
    return "cannot set which variables to pass to the server" if "env_vars" in server else ""


def _gemini_add(server: Mapping[str, Any], _inputs: list[Mapping[str, Any]]) -> Arguments:
    variables = [f"--env={pair}" for pair in _pairs(server)]
    arguments = ("--", *server["args"]) if "args" in server else ()
    return ("mcp", "add", "--scope", "user", NAME, server["command"], *variables, *arguments)


def _gemini_lacks(server: Mapping[str, Any], rest: str) -> str:
    """Return the reason why Gemini CLI cannot add a server; empty if it can.

    When version 0.61 writes its file, it replaces all references to variables with their values. It
    truncates the values of settings at `=`.
    """
    if "$" in rest:
        return "would replace variables in its file with their values"
    if any("=" in value for value in server.get("env", {}).values()):
        return "would truncate a setting that contains ="
    return ""


def _pairs(server: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in server.get("env", {}).items()]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


CLAUDE_CODE: Final = OwnCommand(
    "claude",
    _claude_add,
    remove=("mcp", "remove", "--scope", "user", NAME),
    replaces=False,
)
VSCODE: Final = OwnCommand("code", _code_add, lacks=_code_lacks)
CODEX: Final = OwnCommand("codex", _codex_add, remove=("mcp", "remove", NAME), lacks=_codex_lacks)
GEMINI: Final = OwnCommand(
    "gemini",
    _gemini_add,
    remove=("mcp", "remove", "--scope", "user", NAME),
    lacks=_gemini_lacks,
)
