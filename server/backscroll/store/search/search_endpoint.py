"""`GET /search`: finds messages. It extends OpenAI's API, which cannot search messages."""

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.store.envelopes import partition_of, reply
from backscroll.store.search.search_page import Statistics, find
from backscroll.store.search.search_request import read_search


@dataclass(frozen=True, slots=True)
class SearchEndpoint:
    """The endpoint at `/search`."""

    database: Database
    _kept: Statistics = field(default_factory=Statistics)

    async def page(self, request: Request) -> Response:
        """Return one page of the hits of a search."""
        search = read_search(request.query_params)
        partition = partition_of(request)
        found = await self.database.read(
            lambda connection: find(connection, partition, search, self._kept), large=True
        )
        return reply(found)
