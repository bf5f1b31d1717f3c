"""Files are listed, described and read in pages, and vector stores are searched."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import OPENAI, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call
from tests.upstreams.tree import KEY, Tree

TEXT: Final = "".join(f"line {number}: ä 😀\n" for number in range(900))
CONTENTS: Final[dict[str, tuple[bytes, str]]] = {
    "file-text": (TEXT.encode(), "application/octet-stream"),
    "file-utf16": ("\ufeffhello ä".encode("utf-16-le"), "text/plain"),
    "file-image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "image/png"),
    "file-odd": (b"\xff\x00\xfe", "x\ny; charset=z"),
    "file-empty": (b"", "text/plain"),
    "file-jsonl": (b'{"custom_id": "1"}\n', "application/jsonl"),
}
_RESULTS: Final = [
    {
        "file_id": "file-a",
        "filename": "guide.md",
        "score": 0.9 - number / 100,
        "attributes": {"lang": "en"} if number % 2 else None,
        "content": [{"type": "text", "text": f"passage {number}"}, {"type": "new"}, None],
    }
    for number in range(12)
]


@dataclass
class Stored:
    """The tree, and the contents of files and searches that it lacks."""

    tree: Tree = field(default_factory=Tree)
    searched: list[JSON] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/files/{file_id}/content", self._content),
                Route("/v1/vector_stores/vs_1/search", self._search, methods=["POST"]),
                *self.tree.app.routes,
            ]
        )

    async def _content(self, request: Request) -> Response:
        body, kind = CONTENTS[request.path_params["file_id"]]
        return Response(body, headers={"content-type": kind.replace("\n", "")})

    async def _search(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        self.searched.append(asked)
        rows = _RESULTS[: asked["max_num_results"]]
        return JSONResponse(
            {"object": "vector_store.search_results.page", "data": rows, "has_more": False}
        )


@dataclass(frozen=True)
class Caller:
    client: Client
    stored: Stored

    async def call(self, name: str, bounds: Bounds | None = None, /, **arguments: Any) -> JSON:  # noqa: ANN401 - a tool's arguments are JSON
        tool = next(tool for tool in TOOLS if tool.name == name)
        call = Call.begin(self.client, bounds or Bounds())
        return (await tool.run(call, validated(tool, arguments))).structured


@asynccontextmanager
async def caller() -> AsyncIterator[Caller]:
    async def credential() -> tuple[str, str]:
        return "Authorization", f"Bearer {KEY}"

    stored = Stored()
    upstream = Upstream(OPENAI, "http://tree.invalid/v1", credential=credential)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(stored.app)) as http:
        yield Caller(Client(http, upstream, chance=lambda: 0.0), stored)


async def test_files_are_listed_and_described() -> None:
    async with caller() as tools:
        page = await tools.call("list-files", purpose="batch", limit=2)
        following = await tools.call(
            "list-files", purpose="batch", limit=2, cursor=page["page"]["next_cursor"]
        )
        file = await tools.call("get-file", file_id="file-7")
        stores = await tools.call("list-vector-stores", limit=1)
        of_store = await tools.call("list-vector-store-files", vector_store_id="vs_1", limit=1)

    assert [file["id"] for file in page["files"]] == ["file-44", "file-43"]
    assert [file["id"] for file in following["files"]] == ["file-42", "file-41"]
    assert all(query.get("purpose") == "batch" for _, query in tools.stored.tree.asked[:2])
    assert file["object"]["id"] == "file-7"
    assert stores["vector_stores"][0]["id"] == "vs_44"
    assert of_store["files"][0]["id"] == "file-44"


async def test_a_text_file_is_read_whole_in_pages() -> None:
    async with caller() as tools:
        arguments: JSON = {"file_id": "file-text"}
        short = Bounds(result_chars=6_000)
        pages = [await tools.call("read-file", short, **arguments)]
        while cursor := pages[-1]["page"]["next_cursor"]:
            assert len(pages) < 40
            pages.append(await tools.call("read-file", short, **arguments, cursor=cursor))

    assert "".join(page["file"]["text"] for page in pages) == TEXT
    assert len(pages) > 4


@pytest.mark.parametrize(
    ("file_id", "expected"),
    [
        ("file-utf16", {"text": "hello ä"}),
        ("file-empty", {"text": ""}),
        ("file-jsonl", {"text": '{"custom_id": "1"}\n'}),
        ("file-image", {"text": "", "omitted": "image/png, 264 bytes"}),
        ("file-odd", {"text": "", "omitted": "application/octet-stream, 3 bytes"}),
    ],
)
async def test_a_file_is_text_or_a_type_and_a_size(file_id: str, expected: JSON) -> None:
    async with caller() as tools:
        page = await tools.call("read-file", file_id=file_id)

    assert page["file"] == {"id": file_id, **expected}


async def test_a_search_of_a_vector_store_returns_passages_best_first() -> None:
    async with caller() as tools:
        arguments: JSON = {"vector_store_id": "vs_1", "query": "how to refund"}
        page = await tools.call("search-vector-store", **arguments, limit=3)
        everything = await tools.call("search-vector-store", **arguments, limit=50)

    assert page["results"][1] == {
        "id": "file-a",
        "filename": "guide.md",
        "score": 0.89,
        "attributes": {"lang": "en"},
        "text": "passage 1",
    }
    assert [len(each["results"]) for each in (page, everything)] == [3, 12]
    assert tools.stored.searched[0] == {"query": "how to refund", "max_num_results": 3}


async def test_the_results_that_do_not_fit_are_on_the_next_page() -> None:
    async with caller() as tools:
        arguments: JSON = {"vector_store_id": "vs_1", "query": "refund", "limit": 12}
        short = Bounds(result_chars=2_000)
        pages = [await tools.call("search-vector-store", short, **arguments)]
        while cursor := pages[-1]["page"]["next_cursor"]:
            assert len(pages) < 20
            pages.append(await tools.call("search-vector-store", short, **arguments, cursor=cursor))

    texts = [result["text"] for page in pages for result in page["results"]]
    assert texts == [f"passage {number}" for number in range(12)]
    assert len(pages) > 1


async def test_ids_of_another_kind_are_refused_before_anything_is_sent() -> None:
    async with caller() as tools:
        with pytest.raises(ToolError, match="file_id must be an id"):
            await tools.call("read-file", file_id="../secrets")
        with pytest.raises(ToolError, match="query is required"):
            await tools.call("search-vector-store", vector_store_id="vs_1")

    assert tools.stored.tree.asked == []
