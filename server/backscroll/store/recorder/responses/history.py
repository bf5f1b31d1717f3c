"""Resolves what a request for a response continues: a response, a conversation, or references.

Stateless model servers know neither, so they get the items themselves. As in OpenAI's API, the
calls of tools and their outputs are part of the history, and the instructions of earlier responses
are not.
"""

from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select

from backscroll.database.port import Database
from backscroll.database.response_schema import RUNNING, response_items, responses
from backscroll.store.api_errors import ApiError, invalid_value, not_found
from backscroll.store.conversation_object import item_object
from backscroll.store.envelopes import JSON
from backscroll.store.input_items import read_history
from backscroll.store.items import read_items

_REFERENCE: Final = "item_reference"
_IDS: Final = 500
"""The maximum number of ids in one statement."""

_running: Final = select(responses.c.id).where(
    responses.c.partition == bindparam("within"),
    responses.c.id == bindparam("response_id"),
    responses.c.import_key.startswith(RUNNING),
    responses.c.deleted_at.is_(None),
)

_referenced: Final = (
    select(response_items)
    .join(responses, responses.c.position == response_items.c.response)
    .where(
        responses.c.partition == bindparam("within"),
        responses.c.deleted_at.is_(None),
        response_items.c.id.in_(bindparam("ids", expanding=True)),
        response_items.c.type != _REFERENCE,
        response_items.c.body.is_not(None),
    )
)


class Continued(Struct, frozen=True):
    """What a request continues.

    Attributes:
        previous_response_id: the id of the response; None if it continues none.
        conversation_id: the id of the conversation; None if it continues none.
    """

    previous_response_id: str | None = None
    conversation_id: str | None = None

    def __bool__(self) -> bool:
        """Whether the request continues anything."""
        return self.previous_response_id is not None or self.conversation_id is not None


def continued_by(body: JSON) -> Continued:
    """Return what a request continues.

    Raises:
        ApiError: 400 if it names both a response and a conversation, or something that is no id.
    """
    previous, conversation = body.get("previous_response_id"), body.get("conversation")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    for param, value in (("previous_response_id", previous), ("conversation", conversation)):
        if value is not None and not isinstance(value, str):
            message = f"Invalid type for '{param}': expected an id."
            raise invalid_value(param, message, code="invalid_type")
    if previous and conversation:
        message = "'previous_response_id' and 'conversation' cannot be used together."
        raise invalid_value("previous_response_id", message, code="mutually_exclusive_parameters")
    return Continued(previous or None, conversation or None)


def input_items(body: JSON) -> list[JSON]:
    """Return the input of a request as items. A text is a message of the user.

    Raises:
        ApiError: 400 if the input is neither text nor a list of objects.
    """
    given = body.get("input")
    if isinstance(given, str):
        content = [{"type": "input_text", "text": given}]
        return [{"type": "message", "role": "user", "content": content}]
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        message = "Invalid type for 'input': expected a string or an array of objects."
        raise invalid_value("input", message, code="invalid_type")
    return given


async def read_continued(database: Database, partition: str, continued: Continued) -> list[JSON]:
    """Return the items that a request continues, oldest first.

    Raises:
        ApiError: 400 `previous_response_not_found`, or `previous_response_in_progress` if it still
            runs in the background; or 404 if there is no such conversation.
    """

    def read(connection: Connection) -> list[JSON]:
        if continued.conversation_id is not None:
            rows: list[Any] | None = read_items(connection, partition, continued.conversation_id)
        else:
            previous = continued.previous_response_id or ""
            _refuse_running(connection, partition, previous)
            rows = read_history(connection, partition, previous)
        if rows is None:
            raise _no_previous(continued.previous_response_id or "")
        found = map(item_object, rows)
        return [_without_time(item) for item in found if item["type"] != _REFERENCE]

    return await database.read(read, large=True) if continued else []


def _refuse_running(connection: Connection, partition: str, response_id: str) -> None:
    """Refuse to continue a response that runs in the background, because its output is missing."""
    bound = {"within": partition, "response_id": response_id}
    if connection.scalar(_running, bound) is not None:
        message = f"Previous response with id '{response_id}' is still in progress."
        code = "previous_response_in_progress"
        raise invalid_value("previous_response_id", message, code=code)


async def resolved(database: Database, partition: str, given: list[JSON]) -> list[JSON]:
    """Return items with each reference replaced by the item that it names.

    Raises:
        ApiError: 404 if the store has no such item.
    """
    ids = list(dict.fromkeys(str(item.get("id")) for item in given if _is_reference(item)))
    if not ids:
        return given

    def read(connection: Connection) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for at in range(0, len(ids), _IDS):
            bound = {"within": partition, "ids": ids[at : at + _IDS]}
            for row in connection.execute(_referenced, bound):
                found[row.id] = item_object(row._asdict())
        return found

    items = await database.read(read)
    for each in ids:
        if each not in items:
            raise not_found("item", each)
    return [items[str(item["id"])] if _is_reference(item) else item for item in given]


def _is_reference(item: JSON) -> bool:
    """Return whether an item only names another one. Its type may be left out."""
    return item.get("type") == _REFERENCE or set(item) == {"id"}


def _without_time(item: JSON) -> JSON:
    """Return an item without `created_at`, which is the store's, and which servers may refuse."""
    return {name: value for name, value in item.items() if name != "created_at"}


def _no_previous(response_id: str) -> ApiError:
    message = f"Previous response with id '{response_id}' not found."
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        message,
        param="previous_response_id",
        code="previous_response_not_found",
    )
