"""`search-vector-store`: finds the passages of a vector store's files that match a query best."""

from collections.abc import Iterator
from typing import Final, cast

from msgspec import Struct

from backscroll_tools import schemas
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import unreadable
from backscroll_tools.client.file_requests import search_vector_store
from backscroll_tools.client.groups import VECTOR_STORES
from backscroll_tools.models import JSON
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.start import start_position
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import FILES

_SHAPE: Final = Shape("results", "result")


class _Results(Struct, frozen=True):
    """The results of a search, best first. The key of a result is its number, from 1."""

    client: CallClient
    vector_store_id: str
    query: str
    limit: int

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:  # noqa: ARG002 - required by `Source`
        results = await self._results()
        passed = int(after) if after.isdigit() else 0
        keys = tuple(str(number) for number in range(passed + 1, len(results) + 1))
        return Chunk(tuple(results[passed:]), has_more=False, keys=keys)

    async def item(self, key: str) -> JSON | None:
        return next(iter((await self._results())[int(key) - 1 : int(key)]), None)

    async def _results(self) -> list[JSON]:
        request = search_vector_store(self.vector_store_id, self.query, self.limit)
        data = (await self.client.send(request)).get("data")
        if not isinstance(data, list):
            raise unreadable("The upstream's list reply has no `data` array.")
        rows = cast("list[object]", data)
        return [_result(cast("JSON", row)) for row in rows if isinstance(row, dict)]


def _result(raw: JSON) -> JSON:
    file_id, score, name = raw.get("file_id"), raw.get("score"), raw.get("filename")
    item: JSON = {"id": file_id if isinstance(file_id, str) and file_id else "unknown"}
    if isinstance(name, str):
        item["filename"] = name
    if isinstance(score, int | float):
        item["score"] = score
    if isinstance(attributes := raw.get("attributes"), dict) and attributes:
        item["attributes"] = attributes
    item["text"] = "\n".join(_texts(raw.get("content")))
    return item


def _texts(content: object) -> Iterator[str]:
    for part in cast("list[object]", content) if isinstance(content, list) else ():
        match part:
            case {"text": str() as text}:
                yield text
            case _:
                pass


async def _run(call: Call, arguments: JSON) -> Result:
    store_id, query = arguments["vector_store_id"], arguments["query"]
    start = start_position(SEARCH_VECTOR_STORE.name, f"{store_id}/{query}", arguments, "desc")
    limit = schemas.limit_of(arguments, schemas.HITS_DEFAULT)
    source = _Results(call.client, store_id, query, schemas.HITS_MAX if start.continued else limit)
    return await read_page(call, _SHAPE, start, source, limit)


SEARCH_VECTOR_STORE: Final = Tool(
    name="search-vector-store",
    title="Search vector store",
    summary="finds passages in the files of a vector store",
    description="Find the passages of a vector store's files that match a query best.",
    input_schema=schemas.arguments(
        {
            "vector_store_id": schemas.STRING,
            "query": schemas.STRING,
            "limit": schemas.limit(schemas.HITS_MAX, schemas.HITS_DEFAULT),
            "cursor": schemas.CURSOR,
        },
        ("vector_store_id", "query"),
    ),
    output_schema=schemas.listed("results", schemas.PASSAGE),
    run=_run,
    toolset=FILES,
    needs=(VECTOR_STORES,),
)
