"""The skill over MCP, in both protocol eras."""

import hashlib
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import PaginatedRequestParams, Request, Result
from ruamel.yaml import YAML

from backscroll.mcp import skill_file
from backscroll.mcp.server import build
from backscroll.mcp.skills import GetSkillParams
from backscroll.settings.model import Settings

URI: Final = "skill://backscroll/SKILL.md"
CACHE: Final = {"resultType": "complete", "ttlMs": 3_600_000, "cacheScope": "public"}
Mode = Literal["legacy", "auto"]


class ListSkills(Request[PaginatedRequestParams, Literal["skills/list"]]):
    """The request `skills/list`."""

    method: Literal["skills/list"] = "skills/list"
    params: PaginatedRequestParams = PaginatedRequestParams()


class GetSkill(Request[GetSkillParams, Literal["skills/get"]]):
    """The request `skills/get`."""

    method: Literal["skills/get"] = "skills/get"
    params: GetSkillParams


class AnyResult(Result, extra="allow"):
    """A result with any fields."""


@pytest.fixture(params=["legacy", "auto"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Return how a client connects: as of 2025-11-25, and as of 2026-07-28."""
    chosen: Mode = request.param
    return chosen


def host(tmp_path: Path, mode: Mode) -> Client:
    return Client(build(Settings(database=f"sqlite:///{tmp_path / 'x.db'}")), mode=mode)


async def asked(client: Client, request: ListSkills | GetSkill) -> dict[str, Any]:
    result = await client.session.send_request(request, AnyResult)
    return result.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"meta"})


async def test_a_host_finds_the_skill_and_can_verify_its_file(tmp_path: Path, mode: Mode) -> None:
    async with host(tmp_path, mode) as client:
        listed = await asked(client, ListSkills())
        found = await asked(client, GetSkill(params=GetSkillParams(uri=URI)))
        (contents,) = (await client.read_resource(URI)).contents

    read = contents.model_dump(mode="json", by_alias=True, exclude_none=True)
    file = read["text"].encode()
    frontmatter = YAML(typ="safe").load(skill_file.text().split("---\n", 2)[1])
    digest = f"sha256:{hashlib.sha256(file).hexdigest()}"
    skill = {
        "uri": URI,
        "frontmatter": dict(frontmatter),
        "resources": [{"uri": URI, "digest": digest, "size": len(file)}],
    }
    assert read == {"uri": URI, "mimeType": "text/markdown", "text": skill_file.text()}
    assert listed == {"skills": [skill], **CACHE}
    assert found == {"skill": skill, **CACHE}


async def test_an_unknown_skill_or_a_cursor_is_an_error(tmp_path: Path, mode: Mode) -> None:
    async with host(tmp_path, mode) as client:
        with pytest.raises(MCPError) as unknown:
            await asked(client, GetSkill(params=GetSkillParams(uri="skill://other/SKILL.md")))
        with pytest.raises(MCPError) as cursor:
            await asked(client, ListSkills(params=PaginatedRequestParams(cursor="x")))

    assert (unknown.value.error.code, cursor.value.error.code) == (-32602, -32602)
    assert unknown.value.error.data == {"uri": "skill://other/SKILL.md"}


async def test_a_modern_host_learns_which_extensions_the_server_has(tmp_path: Path) -> None:
    async with host(tmp_path, "auto") as client:
        capabilities = client.server_capabilities

    assert capabilities is not None
    assert capabilities.extensions == {
        "io.modelcontextprotocol/skills": {},
        "io.modelcontextprotocol/ui": {},
    }
