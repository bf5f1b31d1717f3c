"""Imports responses, which never change after they are created."""

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.database.faults import StoreError
from backscroll.database.response_schema import response_items, responses
from backscroll.store.archive.load import insert_all, insertion
from backscroll.store.archive.records import ImportedItem, ImportedResponse, ImportOutcome
from backscroll.store.archive.rows import check, checked_id, item_rows, metadata_of
from backscroll.store.archive.storable import storable
from backscroll.store.archive.unchanging import outcome_if_there
from backscroll.store.conversation_object import is_message
from backscroll.store.ids import new_item_id, new_response_id
from backscroll.store.search import index
from backscroll.store.search.texts import RESPONSE, item_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backscroll.store.envelopes import JSON

_REFERENCE: Final = "item_reference"
"""The type of an item that only has the id of another item."""


class PreparedResponse(Struct, frozen=True):
    """A response that is ready to be written.

    Attributes:
        row: its row, without the partition.
        items: the rows of its items in order, without the response.
        repaired: how many characters became U+FFFD.
    """

    row: "JSON"
    items: "Sequence[JSON]"
    repaired: int


def prepare_response(response: ImportedResponse) -> PreparedResponse:
    """Check a response, and return it ready to be written.

    Raises:
        StoreError: it has a value that cannot be stored.
    """
    of_input, repaired_input = _rows(response.input, is_output=False)
    of_output, repaired_output = _rows(response.output, is_output=True)
    items = [
        {**row, "position": position} for position, row in enumerate((*of_input, *of_output), 1)
    ]
    metadata, of_metadata = metadata_of(response.metadata)
    conversation_id = _id_of(response.fields.get("conversation"))
    fields = dict(response.fields)
    if conversation_id is not None and isinstance(fields["conversation"], str):
        fields["conversation"] = {"id": conversation_id}  # a request may have its id instead
    previous = response.continues or _id_of(response.fields.get("previous_response_id"))
    row: JSON = {
        "id": checked_id(response.id) or new_response_id(),
        "import_key": response.key,
        "created_at": response.created_at,
        "conversation_id": conversation_id,
        "previous_response_id": previous,
        "message_count": sum(is_message(item["body"]) for item in items),
        "metadata": metadata,
        "fields": fields,
    }
    row, of_row = storable(row)
    check(row)
    repaired = repaired_input + repaired_output + of_metadata + of_row
    return PreparedResponse(row, items, repaired)


def write_response(
    connection: Connection, partition: str, prepared: PreparedResponse
) -> ImportOutcome:
    """Insert a response, unless its key or id already exists."""
    row = prepared.row
    there = outcome_if_there(connection, responses, partition, row["import_key"], row["id"])
    if there is not None:
        return there
    position = connection.scalar(insertion(responses), {**row, "partition": partition})
    items = [{**item, "response": position} for item in prepared.items]
    insert_all(connection, response_items, items)
    entries = (item_entry(item, row["created_at"]) for item in items)
    index.add(connection, partition, index.owner_of(RESPONSE, position), entries)
    return ImportOutcome(
        kind="imported", id=row["id"], added=len(items), repaired=prepared.repaired
    )


def _rows(given: "Iterable[JSON]", *, is_output: bool) -> "tuple[list[JSON], int]":
    """Return the rows of items, without a position, and how many characters became U+FFFD.

    Raises:
        StoreError: an item has a value that cannot be stored, or two items have the same id, but
            not the same content.
    """
    items = list(given)
    whole = [item for item in items if item.get("type") != _REFERENCE]
    rows, repaired = item_rows([ImportedItem(item) for item in whole])
    left = iter(rows)
    bodies: list[tuple[str | None, JSON]] = []
    for item in items:
        if item.get("type") == _REFERENCE:
            bodies.append((checked_id(item.get("id")), {"type": _REFERENCE}))
        else:
            row = next(left)
            bodies.append((row["id"], row["body"]))
    return _identified(bodies, is_output=is_output), repaired


def _identified(bodies: "Iterable[tuple[str | None, JSON]]", *, is_output: bool) -> "list[JSON]":
    """Return a row with an id for each item. If an item occurs several times, return one row.

    Raises:
        StoreError: two items have the same id, but not the same content.
    """
    found: dict[str, JSON] = {}
    for given_id, body in bodies:
        item_id = given_id or new_item_id(body["type"])
        earlier = found.get(item_id)
        if earlier is not None and body["type"] == _REFERENCE:
            continue
        if earlier is not None and earlier["type"] != _REFERENCE and earlier["body"] != body:
            line = "cannot be imported: two of its items have the same id"
            raise StoreError(line)
        found[item_id] = {
            "id": item_id,
            "type": body["type"],
            "is_output": is_output,
            "body": body,
        }
    return list(found.values())


def _id_of(value: object) -> str | None:
    """Return `value` if it is an id, or its `id` if it is an object; None if it has no id."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and found else None
