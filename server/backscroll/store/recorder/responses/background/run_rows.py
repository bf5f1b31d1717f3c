"""The rows of responses that run in the background: begun, kept alive, and ended.

While a response runs, its `import_key` begins with `RUNNING`, and names the process that runs it
and how often this process has said so. Whoever ends the response takes the key away in the same
transaction, so a response ends once: it is complete, cancelled, or given up. If the key of a
response does not change for a while, the process that ran it is gone. This needs no clock that
processes share.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Row, bindparam, select, update

from backscroll.database.response_schema import RUNNING, response_items, responses
from backscroll.store.archive.load import insert_all
from backscroll.store.archive.responses import PreparedResponse
from backscroll.store.envelopes import JSON
from backscroll.store.search import index
from backscroll.store.search.texts import RESPONSE, item_entry

Key: TypeAlias = tuple[str, str]
"""The partition and the id of a response."""

_is_running: Final = responses.c.import_key.startswith(RUNNING) & responses.c.deleted_at.is_(None)
_this: Final = (
    (responses.c.partition == bindparam("within"))
    & (responses.c.id == bindparam("response_id"))
    & _is_running
)
_lock: Final = select(responses).where(_this).with_for_update()
_running: Final = select(responses.c.partition, responses.c.import_key).where(
    responses.c.import_key >= RUNNING, responses.c.import_key <= f"{RUNNING}~"
)
"""Of all rows, only what an index has: rows may be long, and there may be many."""

_unmark: Final = (
    update(responses)
    .where(responses.c.partition == bindparam("within"))
    .where(responses.c.import_key == bindparam("whole"))
    .values(import_key=None)
)


def mark(process: str, beat: int, response_id: str) -> str:
    """Return the key of a response while it runs.

    Args:
        process: identifies the process that runs it.
        beat: how often the process has said so.
        response_id: the response, because keys are unique.
    """
    return f"{RUNNING}{process}/{beat}/{response_id}"


def beat(connection: Connection, key: Key, process: str, number: int) -> bool:
    """Say that a response runs. Return false if it was ended or deleted by others."""
    row = _locked(connection, key, process)
    if row is None:
        return False
    changed = update(responses).where(responses.c.position == row.position)
    connection.execute(changed.values(import_key=mark(process, number, key[1])))
    return True


def running(connection: Connection) -> dict[Key, str]:
    """Return the responses that run, of all partitions and processes, with the key of each.

    Some of them may have been deleted.
    """
    found = connection.execute(_running)
    return {(row.partition, row.import_key.split("/", 3)[3]): row.import_key for row in found}


def end(connection: Connection, key: Key, fields: Mapping[str, Any], expected: str = "") -> bool:
    """End a response without output. Return false if it does not run any more.

    Args:
        connection: a connection in a write transaction.
        key: the response.
        fields: what changes of its fields, such as `status` and `error`.
        expected: the process that runs it, or its whole key; empty for any process.
    """
    row = _locked(connection, key, expected)
    if row is None:
        return False
    _finish(connection, row, {**row.fields, **fields}, row.message_count)
    return True


def give_up(connection: Connection, lost: Mapping[Key, str], fields: Mapping[str, Any]) -> None:
    """End responses without output, unless they gave a sign meanwhile.

    Of one that was deleted while it ran, only its key is taken away.

    Args:
        connection: a connection in a write transaction.
        lost: the whole key of each.
        fields: what changes of their fields.
    """
    for key, whole in lost.items():
        if not end(connection, key, fields, whole):
            connection.execute(_unmark, {"within": key[0], "whole": whole})


def complete(connection: Connection, prepared: PreparedResponse, key: Key, process: str) -> bool:
    """End a response with its output. Return false if it does not run any more.

    Args:
        connection: a connection in a write transaction.
        prepared: the response with its input, which is there already, and its output.
        key: the response.
        process: the process that runs it.
    """
    row = _locked(connection, key, process)
    if row is None:
        return False
    output = [{**item, "response": row.position} for item in prepared.items if item["is_output"]]
    insert_all(connection, response_items, output)
    entries = (item_entry(item, row.created_at) for item in output)
    index.add(connection, key[0], index.owner_of(RESPONSE, row.position), entries)
    _finish(connection, row, prepared.row["fields"], prepared.row["message_count"])
    return True


def _locked(connection: Connection, key: Key, expected: str) -> Row[Any] | None:
    row = connection.execute(_lock, {"within": key[0], "response_id": key[1]}).one_or_none()
    is_expected = row is not None and row.import_key.removeprefix(RUNNING).startswith(
        expected.removeprefix(RUNNING)
    )
    return row if is_expected else None


def _finish(connection: Connection, row: Row[Any], fields: JSON, message_count: int) -> None:
    changed = update(responses).where(responses.c.position == row.position)
    values = {"fields": fields, "message_count": message_count, "import_key": None}
    connection.execute(changed.values(values))
