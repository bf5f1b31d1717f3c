"""`GET /search`: finds messages. It extends OpenAI's API, which cannot search messages."""

from typing import TYPE_CHECKING

from msgspec import Struct, field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.database.sqlite_file import opened_file
from backscroll.store.envelopes import partition_of, reply
from backscroll.store.search.limits import Bounds
from backscroll.store.search.search_page import BOUNDS, Statistics, find
from backscroll.store.search.search_request import read_search

if TYPE_CHECKING:
    from backscroll.store.search.meanings import Meanings


class SearchEndpoint(Struct):
    """The endpoint at `/search`.

    Attributes:
        database: the store's database.
        meanings: returns the vectors of queries, to search by meaning too; None to compare only
            words.
        bounds: how many rows and texts a search may read.
    """

    database: Database
    meanings: "Meanings | None" = None
    bounds: Bounds = BOUNDS
    _statistics: Statistics = field(default_factory=Statistics)

    async def page(self, request: Request) -> Response:
        """Return one page of the hits of a search."""
        search = read_search(request.query_params)
        partition = partition_of(request)
        ranks = search.order == "relevance" and not search.query.only_common
        asks = self.meanings is not None and ranks and not search.query.literals
        meaning = None
        if self.meanings is not None and asks:
            meaning = await self.meanings.of_query(partition, search.query.wanted)
        found = await self.database.read(
            lambda connection: find(
                connection, partition, search, self._of(connection), self.bounds, meaning
            ),
            large=True,
        )
        # If all words are common, hits are in the order of writing, and no meanings are compared.
        if asks and found["search"]["matched"] != "common_words":
            found["search"]["semantic"] = meaning is not None
        return reply(found)

    def _of(self, connection: Connection) -> Statistics:
        """Return the statistics of the database; new ones if its file was replaced."""
        file = opened_file(connection.info)
        statistics = self._statistics
        if statistics.file != file:
            statistics = self._statistics = Statistics(file)
        return statistics
