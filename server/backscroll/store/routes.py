"""The routes of the store's API, in the order in which they are tried."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from backscroll.database.port import Database
from backscroll.store.api_errors import ApiError
from backscroll.store.clock import Clock
from backscroll.store.conversations import ConversationEndpoints
from backscroll.store.deferred_routes import DeferredRoutes
from backscroll.store.files import FileEndpoints
from backscroll.store.idempotency import IdempotencyKeys
from backscroll.store.items import ItemEndpoints
from backscroll.store.large_deletion import LargeDeletion
from backscroll.store.messages import MessageEndpoints
from backscroll.store.threads import ThreadEndpoints

if TYPE_CHECKING:
    from backscroll.store.search.meanings import Meanings

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
"""Answers a request, or raises `ApiError`."""


def all_routes(
    database: Database,
    clock: Clock,
    keys: IdempotencyKeys,
    meanings: "Meanings | None",
    erase: Callable[[], None],
) -> Sequence[BaseRoute]:
    """Return all routes. The first one that matches is used, so the busiest come first.

    Args:
        database: the store's database.
        clock: the process's clocks.
        keys: keeps requests with an idempotency key from being done twice.
        meanings: the vectors of messages and queries; None if search compares only words.
        erase: starts to erase in the background what was deleted.
    """
    return [
        *_threads(database, clock, keys, LargeDeletion(partial(_begin, "thread"), erase)),
        *_conversations(
            database, clock, keys, LargeDeletion(partial(_begin, "conversation"), erase)
        ),
        DeferredRoutes("/v1/search", lambda: _search(database, meanings)),
        DeferredRoutes("/v1/chat/completions", lambda: _completions(database, clock, keys)),
        DeferredRoutes("/v1/responses", lambda: _responses(database, clock)),
        DeferredRoutes("/v1/assistants", lambda: _assistants(database, clock, keys)),
        DeferredRoutes("/v1/models", _models),
    ]


def _begin(kind: str, connection: Connection, partition: str, object_id: str, now_s: int) -> None:
    """Mark a thread or a conversation as deleted, so that it is erased in the background."""
    from backscroll.store.archive.erasing import KINDS, begin

    (found,) = (each for each in KINDS if each.name == kind)
    begin(connection, partition, found, object_id, now_s)


def _threads(
    database: Database, clock: Clock, keys: IdempotencyKeys, large: LargeDeletion
) -> Sequence[Route]:
    threads = ThreadEndpoints(database, keys, clock, large)
    messages = MessageEndpoints(database, keys, clock)
    files = FileEndpoints(database)
    thread = "/v1/threads/{thread_id}"
    message = thread + "/messages/{message_id}"
    return [
        _route(thread + "/messages", GET=messages.page, POST=messages.create),
        _route("/v1/threads", GET=threads.page, POST=threads.create),
        _route("/v1/threads/runs", POST=_no_route),  # in the next route, `runs` would be an id
        _route(thread, GET=threads.get, POST=threads.modify, DELETE=threads.delete),
        _route(message, GET=messages.get, POST=messages.modify, DELETE=messages.delete),
        _route(message + "/files", GET=files.page),
        _route(message + "/files/{file_id}", GET=files.get),
    ]


def _conversations(
    database: Database, clock: Clock, keys: IdempotencyKeys, large: LargeDeletion
) -> Sequence[Route]:
    conversations = ConversationEndpoints(database, keys, clock, large)
    items = ItemEndpoints(database, keys, clock)
    conversation = "/v1/conversations/{conversation_id}"
    return [
        _route(conversation + "/items", GET=items.page, POST=items.create),
        _route("/v1/conversations", GET=conversations.page, POST=conversations.create),
        _route(
            conversation,
            GET=conversations.get,
            POST=conversations.modify,
            DELETE=conversations.delete,
        ),
        _route(conversation + "/items/{item_id}", GET=items.get, DELETE=items.delete),
    ]


def _search(database: Database, meanings: "Meanings | None") -> Sequence[Route]:
    from backscroll.store.search.search_endpoint import SearchEndpoint

    return [_route("/v1/search", GET=SearchEndpoint(database, meanings).page)]


def _completions(database: Database, clock: Clock, keys: IdempotencyKeys) -> Sequence[Route]:
    from backscroll.store.completions import CompletionEndpoints

    completions = CompletionEndpoints(database, keys, clock)
    completion = "/v1/chat/completions/{completion_id}"
    return [
        _route("/v1/chat/completions", GET=completions.page, POST=completions.create),
        _route(
            completion,
            GET=completions.get,
            POST=completions.modify,
            DELETE=completions.delete,
        ),
        _route(completion + "/messages", GET=completions.messages),
    ]


def _responses(database: Database, clock: Clock) -> Sequence[Route]:
    from backscroll.store.responses import ResponseEndpoints

    responses = ResponseEndpoints(database, clock)
    response = "/v1/responses/{response_id}"
    return [
        _route("/v1/responses", GET=responses.page, POST=responses.create),
        _route("/v1/responses/input_tokens", POST=responses.count_tokens),
        _route("/v1/responses/compact", POST=responses.compact),
        _route(response, GET=responses.get, DELETE=responses.delete),
        _route(response + "/input_items", GET=responses.input_items),
        _route(response + "/cancel", POST=responses.cancel),
    ]


def _assistants(database: Database, clock: Clock, keys: IdempotencyKeys) -> Sequence[Route]:
    from backscroll.store.assistants import AssistantEndpoints

    assistants = AssistantEndpoints(database, keys, clock)
    assistant = "/v1/assistants/{assistant_id}"
    return [
        _route("/v1/assistants", GET=assistants.page, POST=assistants.create),
        _route(assistant, GET=assistants.get, POST=assistants.modify, DELETE=assistants.delete),
    ]


def _models() -> Sequence[Route]:
    from backscroll.store.models import list_models, no_such_model

    return [
        _route("/v1/models", GET=list_models),
        _route("/v1/models/{model:path}", GET=no_such_model, DELETE=no_such_model),
    ]


def _route(path: str, **by_method: Handler) -> Route:
    async def dispatch(request: Request) -> Response:
        if _has_nul(request):
            raise ApiError(HTTPStatus.NOT_FOUND, "Names cannot contain a NUL character.")
        return await by_method["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, dispatch, methods=list(by_method))


async def _no_route(_request: Request) -> Response:
    raise HTTPException(HTTPStatus.NOT_FOUND)


def _has_nul(request: Request) -> bool:
    """Return whether the path or query string has a NUL character, which PostgreSQL rejects."""
    # The module `ids` rejects NUL characters in these.
    checked = {"thread_id", "conversation_id", "assistant_id"}
    names = (value for name, value in request.path_params.items() if name not in checked)
    return b"%00" in request.scope["query_string"] or any("\0" in name for name in names)
