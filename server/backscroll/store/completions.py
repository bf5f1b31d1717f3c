"""Endpoints that list, get, update and delete stored completions, and list their messages.

Completions are imported, or created by a model server that the recorder forwards to: the store
itself has no model.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    Connection,
    Integer,
    ScalarSelect,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.database.schema import completion_messages, completion_metadata, completions
from backscroll.store.abridged import LargeListing, preview_of, read_page, shortened
from backscroll.store.api_errors import no_model, not_found
from backscroll.store.bodies import MetadataReplacement
from backscroll.store.clock import Clock
from backscroll.store.envelopes import JSON, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import IdempotencyKeys, Outcome, erase_replies
from backscroll.store.paging import MAX_FILTERS, by_id, metadata_filters, read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.search import index, owners
from backscroll.store.search.texts import COMPLETION
from backscroll.store.validation import validate

_NOUN: Final = "chat completion"

_living: Final = select(completions).where(
    completions.c.partition == bindparam("within"), completions.c.deleted_at.is_(None)
)
_find: Final = _living.where(completions.c.id == bindparam("completion_id"))
_lock: Final = _find.with_for_update()
_cursor_messages: Final = completion_messages.alias()
_the_completion: Final = _find.with_only_columns(completions.c.position).scalar_subquery()


def _message_cursor(name: str) -> ScalarSelect[int]:
    found = select(_cursor_messages.c.position).where(
        _cursor_messages.c.completion == _the_completion,
        _cursor_messages.c.position == bindparam(name, type_=Integer),
    )
    return found.scalar_subquery()


_messages: Final = LargeListing(
    "message",
    select(completion_messages).where(completion_messages.c.completion == _the_completion),
    completion_messages.c.position,
    _message_cursor,
    (_NOUN, "completion_id", _find),
    content=completion_messages.c.body,
    row=(completion_messages.c.completion, completion_messages.c.position),
)


@lru_cache(maxsize=2 * (MAX_FILTERS + 1))
def _listing(filters: int, *, of_model: bool) -> LargeListing:
    """Return the listing of completions, with a query that can filter by metadata and model.

    Args:
        filters: the number of `metadata[key]=value` filters in the query.
        of_model: whether the query filters by model.
    """
    rows = _living
    if of_model:
        rows = rows.where(completions.c.model == bindparam("model"))
    for number in range(filters):
        rows = rows.where(
            exists().where(
                completion_metadata.c.completion == completions.c.position,
                completion_metadata.c.name == bindparam(f"name_{number}"),
                completion_metadata.c.value == bindparam(f"value_{number}"),
            )
        )
    return LargeListing(
        _NOUN,
        rows,
        completions.c.position,
        by_id(completions),
        content=completions.c.choices,
        row=(completions.c.position,),
    )


def _completion_object(row: Mapping[str, Any]) -> JSON:
    return {
        "id": row["id"],
        "object": "chat.completion",
        "created": row["created_at"],
        "model": row["model"],
        "choices": row["choices"],
        **row["fields"],
        "metadata": row["metadata"],
    }


def _message_object(completion_id: str, row: Mapping[str, Any]) -> JSON:
    """Return the API's object for a message; content that is a list becomes `content_parts`."""
    body = row["body"]
    content = body.get("content")
    in_parts = isinstance(content, list)
    return {
        "refusal": None,
        **body,
        "id": f"{completion_id}-{row['position']}",
        "content": None if in_parts else content,
        "content_parts": content if in_parts else body.get("content_parts"),
    }


def replace_filter_rows(connection: Connection, position: int, metadata: Mapping[str, str]) -> None:
    """Replace a completion's rows in `completion_metadata`, the table that metadata filters use."""
    old = completion_metadata.c.completion == position
    connection.execute(delete(completion_metadata).where(old))
    pairs = [
        {"completion": position, "name": name, "value": value} for name, value in metadata.items()
    ]
    if pairs:
        connection.execute(insert(completion_metadata), pairs)


def _find_completion(
    connection: Connection, partition: str, completion_id: str, *, lock: bool = False
) -> JSON:
    bound = {"within": partition, "completion_id": completion_id}
    row = connection.execute(_lock if lock else _find, bound).one_or_none()
    if row is None:
        raise not_found(_NOUN, completion_id)
    return row._asdict()


def stored_completion(connection: Connection, partition: str, completion_id: str) -> JSON:
    """Return the API's object for a stored completion.

    Raises:
        ApiError: 404 if it does not exist or was deleted.
    """
    return _completion_object(_find_completion(connection, partition, completion_id))


class CompletionEndpoints(Struct, frozen=True):
    """The endpoints under `/chat/completions`."""

    database: Database
    keys: IdempotencyKeys
    clock: Clock

    async def create(self, _request: Request) -> Response:
        """Reply 501, because the store has no model."""
        raise no_model("create chat completions")

    async def page(self, request: Request) -> Response:
        """Return one page of the stored completions, oldest first by default."""
        query = read_page_query(request.query_params, "asc", takes_before=False)
        model = request.query_params.get("model")
        pairs = metadata_filters(request.query_params)
        bound = {"within": partition_of(request)}
        if model:
            bound["model"] = model
        for number, (name, value) in enumerate(pairs.items()):
            bound |= {f"name_{number}": name, f"value_{number}": value}
        listing = _listing(len(pairs), of_model=bool(model))
        preview = preview_of(request.query_params)
        page = await read_page(self.database, listing, query, bound, preview)
        return list_reply([_completion_object(row) for row in page.rows], has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one stored completion, with shortened choices if the request has `abridged`."""
        partition, completion_id = partition_of(request), request.path_params["completion_id"]
        preview = preview_of(request.query_params)
        found = await self.database.read(
            lambda connection: stored_completion(connection, partition, completion_id)
        )
        if preview is not None:
            found["choices"] = shortened(found["choices"], preview)
        return reply(found)

    async def modify(self, request: Request) -> Response:
        """Replace a stored completion's metadata."""
        partition, completion_id = partition_of(request), request.path_params["completion_id"]
        raw = await read_body(request)
        metadata = validate(MetadataReplacement, parse_object(raw)).metadata or {}

        def work(connection: Connection) -> Outcome:
            row = _find_completion(connection, partition, completion_id, lock=True)
            changed = update(completions).where(completions.c.position == row["position"])
            connection.execute(changed.values(metadata=metadata))
            replace_filter_rows(connection, row["position"], metadata)
            owner = index.owner_of(COMPLETION, row["position"])
            index.retitle(connection, partition, owner, row["metadata"], metadata)
            value = _completion_object({**row, "metadata": metadata})
            return Outcome(value, completion_id, {"metadata": metadata})

        def rebuild(connection: Connection, _ids: list[str], stored: JSON) -> JSON:
            row = _find_completion(connection, partition, completion_id)
            return _completion_object({**row, "metadata": stored["metadata"]})

        return await self.keys.write_once(request, raw, work, rebuild)

    async def delete(self, request: Request) -> Response:
        """Erase a stored completion and its messages. Its row stays, marked as deleted."""
        partition, completion_id = partition_of(request), request.path_params["completion_id"]

        def work(connection: Connection) -> None:
            position = _find_completion(connection, partition, completion_id, lock=True)["position"]
            owners.remove_owner(connection, index.owner_of(COMPLETION, position))
            erased = {"choices": None, "fields": None, "metadata": None}
            changed = update(completions).where(completions.c.position == position)
            connection.execute(changed.values(**erased, deleted_at=self.clock.unix_s()))
            its_messages = completion_messages.c.completion == position
            connection.execute(delete(completion_messages).where(its_messages))
            replace_filter_rows(connection, position, {})
            erase_replies(connection, partition, completion_id)

        await self.database.write(work, turn_of(request))
        return reply({"id": completion_id, "object": "chat.completion.deleted", "deleted": True})

    async def messages(self, request: Request) -> Response:
        """Return one page of a completion's messages, oldest first by default."""
        completion_id = request.path_params["completion_id"]
        query = read_page_query(request.query_params, "asc", takes_before=False)
        bound: dict[str, object] = {
            "within": partition_of(request),
            "completion_id": completion_id,
        }
        if query.after is not None:
            bound["after"] = _index(completion_id, query.after)
        preview = preview_of(request.query_params)
        page = await read_page(self.database, _messages, query, bound, preview)
        data = [_message_object(completion_id, row) for row in page.rows]
        return list_reply(data, has_more=page.has_more)


def _index(completion_id: str, message_id: str) -> int:
    """Return the index from a message id `{completion_id}-{index}`; -1 if the id is malformed."""
    prefix, _, number = message_id.rpartition("-")
    well_formed = prefix == completion_id and re.fullmatch("0|[1-9][0-9]{0,8}", number)
    return int(number) if well_formed else -1
