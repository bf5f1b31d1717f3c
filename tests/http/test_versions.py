"""What the `MCP-Protocol-Version` header of a request may say."""

from pathlib import Path

import httpx2
import pytest

from tests.http.serving import LEGACY, WAIT_S, headers, message, post, running, settings_of
from tests.loopback import NO_TLS

SUPPORTED = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]


async def listed(url: str, version: str | None, method: str = "tools/list") -> httpx2.Response:
    """Send a request of the older era with any version, or with none."""
    given = headers(method, {}, LEGACY)
    del given["mcp-protocol-version"]
    if version is not None:
        given["mcp-protocol-version"] = version
    client = {"name": "test", "version": "0"}
    hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client}
    params = hello if method == "initialize" else {}
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        return await http.post(url, json=message(method, params, LEGACY), headers=given)


@pytest.mark.parametrize("version", [None, "", *SUPPORTED[:-1]])
async def test_a_version_may_be_missing_or_empty_or_any_older_one(
    version: str | None, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        response = await listed(server.url, version)

    assert response.status_code == 200
    assert response.json()["result"]["tools"]


@pytest.mark.parametrize("version", ["1999-01-01", "draft", "2025-11-25, 2025-06-18", "x" * 500])
async def test_an_unknown_version_is_refused_with_the_supported_ones(
    version: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        refused = await listed(server.url, version)

    assert refused.status_code == 400
    assert refused.json() == {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {
            "code": -32022,
            "message": "The MCP-Protocol-Version header has no version that this server supports: "
            f"{', '.join(SUPPORTED)}.",
            "data": {"supported": SUPPORTED, "requested": version[:64]},
        },
    }


async def test_the_first_request_agrees_on_a_version_whatever_its_header_says(
    tmp_path: Path,
) -> None:
    async with running(settings_of(tmp_path)) as server:
        agreed = await listed(server.url, "1999-01-01", "initialize")

    assert agreed.status_code == 200
    assert agreed.json()["result"]["protocolVersion"] == LEGACY


async def test_a_header_that_disagrees_with_the_bodys_version_is_refused(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        refused = await post(server.url, more={"mcp-protocol-version": "1999-01-01"})

    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == -32020
