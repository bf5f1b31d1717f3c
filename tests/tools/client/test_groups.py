"""A group of endpoints is one value, which says all that is told, asked and believed of it."""

import dataclasses

import httpx2
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.doctor.probes import probe_all
from backscroll_tools.client import groups, requests
from backscroll_tools.client.belonging import belongs
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import GROUPS, Group
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.client.requests import Slice
from tests.loopback import NO_TLS, served

LETTERS = Group(
    name="letters",
    words="letters",
    root="/post/letters",
    probe="/post/letters/letter_0/lines",
    kinds={"letters": frozenset({"letter"}), "lines": frozenset({"letter.line"})},
    headers=(("Post-Version", "7"),),
)
"""A group of endpoints that nobody has heard of; this value is all that Backscroll knows of it."""

LISTED = [group for group in GROUPS.values() if group is not groups.INTERACTIONS]
LINES = requests.Request("GET", LETTERS, LETTERS.probe, Slice(1, "desc").query)


def test_every_group_can_be_named_in_a_setting() -> None:
    values = [value for value in vars(groups).values() if isinstance(value, Group)]

    assert {value.name: value for value in values} == GROUPS
    assert [str(group) for group in GROUPS.values()] == list(GROUPS)


@pytest.mark.parametrize("group", [*LISTED, LETTERS], ids=str)
def test_a_probe_reads_one_item_of_a_list_whose_kind_is_known(group: Group) -> None:
    probe = requests.probe(group)

    assert probe.harmless
    assert (probe.method, probe.limit, probe.body) == ("GET", 1, None)
    assert probe.path.startswith(group.root)
    assert probe.path.rpartition("/")[2] in group.kinds


def test_a_probe_of_a_group_without_lists_reads_an_object_that_does_not_exist() -> None:
    probe = requests.probe(groups.INTERACTIONS)

    assert groups.INTERACTIONS.names_made_up
    assert (probe.method, probe.query, probe.body) == ("GET", (), None)


async def test_a_new_group_is_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS, LETTERS.name, LETTERS)
    asked: list[Request] = []

    async def answer(request: Request) -> JSONResponse:
        asked.append(request)
        return JSONResponse({"error": {"message": "No letter letter_0."}}, 404)

    profile = dataclasses.replace(COMPATIBLE, serves=frozenset({LETTERS}))
    app = Starlette(routes=[Route("/v1/{path:path}", answer)])
    async with served(app) as url, httpx2.AsyncClient(verify=NO_TLS) as http:
        found = await probe_all(Client(http, Upstream(profile, f"{url}/v1")))

    checks = [replace(check, ms=None) for check in found.values()]
    assert checks == [Check("letters", "ok", "answered that a made-up id does not exist")]
    (request,) = asked
    assert request.url.path == "/v1/post/letters/letter_0/lines"
    assert request.url.query == "limit=1&order=desc"
    assert request.headers["post-version"] == "7"
    assert LINES.owner == "/post/letters/letter_0"


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        (LETTERS.probe, "letter.line", True),
        (LETTERS.probe, "thread.message", False),
        ("/post/letters/letter_0/stamps", "thread.message", True),
    ],
)
def test_a_reply_is_held_to_the_kinds_that_its_group_names(
    path: str, kind: str, *, expected: bool
) -> None:
    reply = {"object": "list", "data": [{"id": "line_1", "object": kind}]}

    assert belongs(reply, replace(LINES, path=path)) is expected
