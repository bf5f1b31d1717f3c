"""Answers `skills/list` and `skills/get`, from which hosts learn of the skill.

Source of the methods and their fields: the specification of the MCP extension
`io.modelcontextprotocol/skills`. The skill's file itself is a resource.
"""

import hashlib
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, PaginatedRequestParams, RequestParams

from backscroll.mcp import skill_file

EXTENSION: Final = "io.modelcontextprotocol/skills"

TTL_MS: Final = 3_600_000
"""How long hosts may cache the skill, in milliseconds. It changes only with the version."""

_CACHE: Final = {"resultType": "complete", "ttlMs": TTL_MS, "cacheScope": "public"}

_Context = ServerRequestContext[Any, Any]


class GetSkillParams(RequestParams):
    """The parameters of `skills/get`."""

    uri: str


async def list_skills(_context: _Context, params: PaginatedRequestParams) -> dict[str, Any]:
    """Answer `skills/list`.

    Raises:
        MCPError: -32602 if the request has a cursor, because the list has only one page.
    """
    if params.cursor:
        raise MCPError(INVALID_PARAMS, "skills/list has no cursors: the list has only one page.")
    return {"skills": [_skill()], **_CACHE}


async def get_skill(_context: _Context, params: GetSkillParams) -> dict[str, Any]:
    """Answer `skills/get`.

    Raises:
        MCPError: -32602 if the URI is unknown. The data of the error contain the URI.
    """
    if params.uri != skill_file.URI:
        raise MCPError(INVALID_PARAMS, "Skill not found", {"uri": params.uri})
    return {"skill": _skill(), **_CACHE}


def _skill() -> dict[str, Any]:
    text = skill_file.text()
    file = text.encode()
    digest = f"sha256:{hashlib.sha256(file).hexdigest()}"
    return {
        "uri": skill_file.URI,
        "frontmatter": _frontmatter(text),
        "resources": [{"uri": skill_file.URI, "digest": digest, "size": len(file)}],
    }


def _frontmatter(text: str) -> dict[str, str]:
    """Return the fields between the two lines `---`. Each field is one line `name: text`."""
    lines = text.split("---\n", 2)[1].splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}
