"""Every list of OpenAI's API is read whole, and each of its objects, whichever way it is paged."""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.resources.admin.organization.usage import Usage

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import ASSISTANTS, MANAGED_SESSIONS
from backscroll_tools.client.profiles import OPENAI, STORE, Profile, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import ADMIN, KINDS
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call
from tests.clients.nodejs import count_tokens
from tests.upstreams.tree import ADMIN_KEY, KEY, LISTS, SECRET, Tree, rows_of

PARENTS: Final = {
    "fine_tuning_events": "ftjob-1",
    "fine_tuning_checkpoints": "ftjob-1",
    "checkpoint_permissions": "ft:gpt-4o:team::7f",
    "vector_store_files": "vs_1",
    "file_batches": "vs_1",
    "file_batch_files": "vs_1/vsfb_1",
    "project_users": "proj_1",
    "project_service_accounts": "proj_1",
    "project_api_keys": "proj_1",
    "project_rate_limits": "proj_1",
    "project_certificates": "proj_1",
    "session_turns": "sess_1",
    "turn_items": "sess_1/turn_1",
    "session_threads": "sesn_1",
    "thread_events": "sesn_1/sthr_1",
    "subagents": "sess_1",
    "subagent_items": "sess_1/subagent_1",
    "group_users": "group_1",
    "usage": "completions",
}
EVERYTHING: Final = replace(OPENAI, serves=OPENAI.serves | {ASSISTANTS, MANAGED_SESSIONS})
LISTABLE: Final = [kind.name for kind in KINDS.values() if kind.lists]


def named(kind: str) -> JSON:
    """Return the arguments that name the list of a kind."""
    parent = {"parent_id": PARENTS[kind]} if kind in PARENTS else {}
    since = {"since": "2023-11-14"} if KINDS[kind].since_required else {}
    return {"kind": kind, **parent, **since}


def path_of(kind: str) -> str:
    return KINDS[kind].path.format(*PARENTS.get(kind, "").split("/"))


@dataclass(frozen=True)
class Caller:
    """Calls tools on the tree."""

    client: Client

    async def call(self, name: str, bounds: Bounds | None = None, /, **arguments: Any) -> JSON:  # noqa: ANN401 - a tool's arguments are JSON
        tool = next(tool for tool in TOOLS if tool.name == name)
        call = Call.begin(self.client, bounds or Bounds())
        result = await tool.run(call, validated(tool, arguments))
        assert SECRET not in result.text + str(result.structured)
        return result.structured

    async def pages(
        self,
        name: str,
        bounds: Bounds | None = None,
        /,
        **arguments: Any,  # noqa: ANN401 - as above
    ) -> list[JSON]:
        """Call a tool, and follow its cursors to the end."""
        found = [await self.call(name, bounds, **arguments)]
        while cursor := found[-1]["page"]["next_cursor"]:
            assert len(found) < 30
            found.append(await self.call(name, bounds, **{**arguments, "cursor": cursor}))
        return found

    async def error(self, name: str, /, **arguments: Any) -> ToolError:  # noqa: ANN401 - as above
        with pytest.raises(ToolError) as failed:
            await self.call(name, **arguments)
        return failed.value


@asynccontextmanager
async def caller(
    tree: Tree, *, admin_key: str = ADMIN_KEY, profile: Profile = EVERYTHING
) -> AsyncIterator[Caller]:
    async def credential() -> tuple[str, str]:
        return "Authorization", f"Bearer {KEY}"

    upstream = Upstream(
        profile, "http://tree.invalid/v1", credential=credential, admin_key=admin_key
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(tree.app)) as http:
        yield Caller(Client(http, upstream, chance=lambda: 0.0))


def test_the_kinds_are_the_lists_of_the_documents() -> None:
    assert {path_of(kind) for kind in LISTABLE} == LISTS.keys()


def test_the_kinds_of_usage_are_those_of_the_official_client() -> None:
    requests = {
        name
        for name, member in inspect.getmembers(Usage, inspect.isfunction)
        if "start_time" in inspect.signature(member).parameters
    }

    assert {*KINDS["usage"].choices, "costs"} == requests


@pytest.mark.parametrize("kind", LISTABLE)
async def test_the_objects_of_each_kind_are_listed_whole_and_in_order(kind: str) -> None:
    tree = Tree()
    rows = rows_of(path_of(kind))
    ids = [str(row.get("id", row.get("start_time"))) for row in rows]
    async with caller(tree) as tools:
        pages = await tools.pages("list-objects", limit=17, **named(kind))

    assert [item["id"] for page in pages for item in page["objects"]] == ids
    assert pages[-1]["page"]["has_more"] is False
    assert {page["page"]["order"] for page in pages} == {KINDS[kind].order or "upstream"}
    assert all("warning" not in page["page"] for page in pages)
    assert len(tree.asked) <= len(ids) // 17 + 2


@pytest.mark.parametrize("kind", KINDS)
async def test_one_object_of_each_kind_is_read_whole(kind: str) -> None:
    async with caller(Tree()) as tools:
        if KINDS[kind].since_required:
            error = await tools.error("get-object", kind=kind, id="1")
            assert error.code == "invalid_arguments"
            return
        listed = kind != "file_batches"
        wanted = rows_of(path_of(kind))[3]["id"] if listed else "vsfb_1"
        parent = {"parent_id": PARENTS[kind]} if kind in PARENTS else {}
        page = await tools.call("get-object", kind=kind, id=wanted, **parent)

    assert page["object"]["id"] == wanted
    assert f'"id":"{wanted}"' in page["object"]["text"]
    assert page["page"]["has_more"] is False


async def test_an_object_that_is_longer_than_a_page_is_read_in_pieces() -> None:
    tree = Tree(row_extra={"description": "words " * 2_000})
    async with caller(tree) as tools:
        short = Bounds(result_chars=4_000)
        pages = await tools.pages("get-object", short, kind="batches", id="batch_3")

    text = "".join(page["object"]["text"] for page in pages)
    assert '"description":"' + "words " * 2_000 + '"' in text
    assert len(pages) > 5


@pytest.mark.parametrize("kind", sorted(ADMIN))
async def test_an_organizations_objects_need_the_admin_key_and_never_the_ordinary_one(
    kind: str,
) -> None:
    tree = Tree()
    async with caller(tree, admin_key="") as tools:
        error = await tools.error("list-objects", **named(kind))

    assert error.code == "forbidden"
    assert "BACKSCROLL_ADMIN_KEY" in error.render()
    assert tree.asked == []


async def test_an_admin_key_that_the_upstream_refuses_is_named() -> None:
    async with caller(Tree(), admin_key="sk-admin-old") as tools:
        error = await tools.error("list-objects", kind="users")

    assert (error.code, error.next_step) == (
        "auth_failed",
        "Ask the operator to check BACKSCROLL_ADMIN_KEY.",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "project_users"}, "project_users needs parent_id: a project id (proj_…)."),
        ({"kind": "files", "parent_id": "vs_1"}, "files does not take parent_id."),
        ({"kind": "usage", "parent_id": "x", "since": "7d"}, "usage needs parent_id: one of comp"),
        ({"kind": "costs"}, "costs needs since."),
        ({"kind": "models", "after": "gpt-4o"}, "models cannot be listed with after."),
        ({"kind": "users", "order": "asc"}, "users cannot be listed with order."),
        ({"kind": "files", "since": "7d"}, "files cannot be listed with since."),
        ({"kind": "file_batch_files", "parent_id": "vs_1"}, "file_batch_files needs parent_id: a"),
        ({"kind": "vector_store_files", "parent_id": "a b"}, "parent_id"),
        ({"kind": "vector_store_files", "parent_id": "../x"}, "vector_store_files needs parent_id"),
        (
            {"kind": "vector_store_files", "parent_id": "proj_1"},
            "parent_id is the id of a project.",
        ),
        ({"kind": "session_turns", "parent_id": "sesn_1"}, "parent_id is the id of a managed"),
        ({"kind": "sessions"}, 'kind must be "assistants"'),
        ({}, "kind is required."),
    ],
)
async def test_a_call_that_cannot_work_says_what_is_wrong(arguments: JSON, said: str) -> None:
    tree = Tree()
    async with caller(tree) as tools:
        error = await tools.error("list-objects", **arguments)

    assert error.code == "invalid_arguments"
    assert said in error.message
    assert tree.asked == []


@pytest.mark.parametrize(
    ("kind", "object_id", "said", "tool"),
    [
        ("batches", "thread_1", "id is the id of a thread.", "get-thread"),
        ("files", "vs_1", "id is the id of a vector store.", "list-vector-store-files"),
        ("fine_tuning_jobs", "batch_1", "id is the id of a batch.", "get-object"),
    ],
)
async def test_the_id_of_another_kind_names_the_tool_that_takes_it(
    kind: str, object_id: str, said: str, tool: str
) -> None:
    tree = Tree()
    async with caller(tree) as tools:
        error = await tools.error("get-object", kind=kind, id=object_id)

    assert (error.code, error.message, error.taken_by) == ("invalid_arguments", said, tool)
    assert tree.asked == []


async def test_an_unknown_object_is_not_found_and_an_upstream_without_the_kind_is_named() -> None:
    async with caller(Tree()) as tools:
        missing = await tools.error("get-object", kind="batches", id="batch_none")
        in_list = await tools.error(
            "get-object", kind="fine_tuning_events", parent_id="ftjob-1", id="ftevent-none"
        )
        unknown = await tools.error("get-object", kind="sessions", id="sess_1")
    async with caller(Tree(), profile=STORE) as tools:
        unserved = await tools.error("list-objects", kind="batches")

    assert (missing.code, in_list.code, unknown.code) == (
        "not_found",
        "not_found",
        "invalid_arguments",
    )
    assert unserved.code == "upstream_retired"
    assert "GET /batches" in unserved.message


ANY: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(
    extra=st.dictionaries(
        st.sampled_from(["object", "created_at", "name", "status", "metadata", "value", "new"])
        | st.text(max_size=9),
        ANY,
    ),
    kind=st.sampled_from(["batches", "users", "models", "groups"]),
)
async def test_no_field_of_an_object_fails_a_call(extra: JSON, kind: str) -> None:
    extra.pop("id", None)
    async with caller(Tree(count=3, row_extra=extra)) as tools:
        page = await tools.call("list-objects", kind=kind)
        one = await tools.call("get-object", kind=kind, id=page["objects"][0]["id"])

    assert len(page["objects"]) == 3
    assert one["object"]["id"] == page["objects"][0]["id"]


def test_the_two_tools_of_the_toolset_keep_their_budget_of_tokens() -> None:
    shown = [
        {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
        for tool in TOOLS
        if tool.toolset.name == "api"
    ]
    assert len(shown) == 2
    assert sum(count_tokens([str(tool).replace("'", '"') for tool in shown])) <= 450
