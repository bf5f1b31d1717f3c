"""Imports stored chat completions. An import never changes a completion that already exists."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from backscroll.database.schema import completion_messages, completions
from backscroll.store.archive.load import insert_all, insertion
from backscroll.store.archive.records import ImportedCompletion, ImportOutcome
from backscroll.store.archive.rows import check, checked_id, metadata_of
from backscroll.store.archive.storable import storable
from backscroll.store.archive.unchanging import outcome_if_there
from backscroll.store.completions import replace_filter_rows
from backscroll.store.ids import new_completion_id
from backscroll.store.search import index
from backscroll.store.search.texts import COMPLETION, completion_entry

if TYPE_CHECKING:
    from backscroll.store.envelopes import JSON


def write_completion(
    connection: Connection, partition: str, completion: ImportedCompletion
) -> ImportOutcome:
    """Insert a stored completion, unless its key or id already exists.

    Raises:
        StoreError: the completion has a value that cannot be stored; nothing is written.
    """
    completion_id = checked_id(completion.id) or new_completion_id()
    there = outcome_if_there(connection, completions, partition, completion.key, completion_id)
    if there is not None:
        return there
    metadata, of_metadata = metadata_of(completion.metadata)
    outputs = [choice["message"] for choice in completion.choices if choice.get("message")]
    row: JSON = {
        "partition": partition,
        "id": completion_id,
        "import_key": completion.key,
        "created_at": completion.created_at,
        "model": completion.model,
        "metadata": metadata,
        "choices": completion.choices,
        "fields": completion.fields,
        "input_count": len(completion.messages),
    }
    given: list[JSON] = [*completion.messages, *outputs]
    [row, bodies], of_content = storable([row, given])
    check([row, bodies])
    position = connection.scalar(insertion(completions), row)
    rows = [
        {"completion": position, "position": at, "body": body} for at, body in enumerate(bodies)
    ]
    insert_all(connection, completion_messages, rows)
    replace_filter_rows(connection, position, metadata)
    entries = (completion_entry(at, body, completion.created_at) for at, body in enumerate(bodies))
    index.add(connection, partition, index.owner_of(COMPLETION, position), entries)
    repaired = of_metadata + of_content
    return ImportOutcome(kind="imported", id=completion_id, added=len(rows), repaired=repaired)
