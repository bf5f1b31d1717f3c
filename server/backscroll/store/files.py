"""Endpoints that list and get the files of a message. Only the API's first version has them.

Source: OpenAI's OpenAPI document of 2024-04-15, `listMessageFiles` and `getMessageFile`.
"""

from http import HTTPStatus

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.store.api_errors import ApiError, not_found
from backscroll.store.envelopes import JSON, api_version, list_reply, partition_of, reply
from backscroll.store.ids import require_thread_id
from backscroll.store.message_object import file_objects
from backscroll.store.messages import find_message
from backscroll.store.paging import PageQuery, read_page_query


class FileEndpoints(Struct, frozen=True):
    """The endpoints under `/threads/{thread_id}/messages/{message_id}/files`."""

    database: Database

    async def page(self, request: Request) -> Response:
        """Return one page of a message's files. Ascending order is their order in the message."""
        files = await self._files(request)
        query = read_page_query(request.query_params, "desc")
        data, has_more = _page(files, query)
        return list_reply(data, has_more=has_more)

    async def get(self, request: Request) -> Response:
        """Return one file of a message."""
        file_id = request.path_params["file_id"]
        for file in await self._files(request):
            if file["id"] == file_id:
                return reply(file)
        raise not_found("file", file_id)

    async def _files(self, request: Request) -> list[JSON]:
        if api_version(request) != "v1":
            message = (
                "Message files require the header 'OpenAI-Beta: assistants=v1'. With "
                "'assistants=v2', a message lists its files in 'attachments' and 'content'."
            )
            raise ApiError(HTTPStatus.BAD_REQUEST, message, code="invalid_beta")
        partition = partition_of(request)
        thread_id = require_thread_id(request.path_params["thread_id"])
        message_id = request.path_params["message_id"]
        row = await self.database.read(
            lambda connection: find_message(connection, partition, thread_id, message_id)
        )
        return file_objects(row)


def _page(files: list[JSON], query: PageQuery) -> tuple[list[JSON], bool]:
    """Return a page of files, and whether more files match. The rules are those of `fetch_page`."""
    ordered = files if query.order == "asc" else files[::-1]
    positions = {file["id"]: position for position, file in enumerate(ordered)}
    for cursor in (query.after, query.before):
        if cursor is not None and cursor not in positions:
            raise not_found("file", cursor)
    first = positions[query.after] + 1 if query.after is not None else 0
    last = positions[query.before] if query.before is not None else len(ordered)
    between = ordered[first:last]
    page = between[-query.limit :] if query.backwards else between[: query.limit]
    return page, len(between) > len(page)
