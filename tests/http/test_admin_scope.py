"""An organization's objects are offered and read over HTTP only with the scope `admin`."""

from pathlib import Path
from typing import Any

import pytest

from backscroll_tools.object_kinds import ADMIN
from tests.http.serving import ERAS, call, post, running, settings_of, text_of
from tests.loopback import served
from tests.upstreams.tree import ADMIN_KEY, KEY, Tree


def kinds_of(listing: Any) -> set[str]:  # noqa: ANN401 - a response of httpx2
    """Return the kinds that `list-objects` is offered with."""
    tools = {tool["name"]: tool for tool in listing.json()["result"]["tools"]}
    return set(tools["list-objects"]["inputSchema"]["properties"]["kind"]["enum"])


def of(folder: Path, url: str, **settings: Any) -> Any:  # noqa: ANN401 - as Settings
    return settings_of(
        folder,
        upstream="openai",
        base_url=f"{url}/v1",
        api_key=KEY,
        admin_key=ADMIN_KEY,
        toolsets=("api",),
        **settings,
    )


@pytest.mark.parametrize("era", ERAS)
async def test_only_a_token_with_the_scope_admin_reaches_an_organization(
    era: str, tmp_path: Path
) -> None:
    tree = Tree()
    async with (
        served(tree.app) as url,
        running(of(tmp_path, url, http_auth="token")) as server,
    ):
        admin = await server.token("ada", scopes="read,admin")
        reader = await server.token("bob", scopes="read,write")
        offered = [
            kinds_of(await post(server.url, token=token, era=era)) for token in (admin, reader)
        ]
        users = await call(server.url, "list-objects", admin, kind="users", limit=2)
        refused = await call(server.url, "list-objects", reader, kind="users")
        files = await call(server.url, "list-objects", reader, kind="files", limit=1)

    assert offered[0] - offered[1] == ADMIN
    assert len(users["structuredContent"]["objects"]) == 2
    assert len(files["structuredContent"]["objects"]) == 1
    assert text_of(refused).startswith("forbidden: ")
    assert 'scope "admin"' in text_of(refused)
    assert [path for path, _ in tree.asked] == ["/organization/users", "/files"]


async def test_an_anonymous_caller_is_not_offered_an_organization(tmp_path: Path) -> None:
    tree = Tree()
    async with served(tree.app) as url, running(of(tmp_path, url)) as server:
        offered = kinds_of(await post(server.url))
        refused = await call(server.url, "list-objects", kind="costs", since="7d")

    assert not offered & ADMIN
    assert text_of(refused).startswith("forbidden: ")
    assert tree.asked == []
