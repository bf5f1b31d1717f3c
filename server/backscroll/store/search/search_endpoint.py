"""`GET /search`: finds messages. It extends OpenAI's API, which cannot search messages."""

from dataclasses import dataclass, field

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.database.sqlite_file import opened_file
from backscroll.store.envelopes import partition_of, reply
from backscroll.store.search.search_page import Statistics, find
from backscroll.store.search.search_request import read_search


@dataclass(slots=True)
class SearchEndpoint:
    """The endpoint at `/search`."""

    database: Database
    _statistics: Statistics = field(default_factory=Statistics)

    async def page(self, request: Request) -> Response:
        """Return one page of the hits of a search."""
        search = read_search(request.query_params)
        partition = partition_of(request)
        found = await self.database.read(
            lambda connection: find(connection, partition, search, self._of(connection)),
            large=True,
        )
        return reply(found)

    def _of(self, connection: Connection) -> Statistics:
        """Return the statistics of the database; new ones if its file was replaced."""
        file = opened_file(connection.info)
        statistics = self._statistics
        if statistics.file != file:
            statistics = self._statistics = Statistics(file)
        return statistics
