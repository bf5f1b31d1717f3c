"""Shared by imports of completions and responses, which never change after they are created."""

from sqlalchemy import Connection, Table

from backscroll.database.locks import lock_list
from backscroll.store.archive.load import same_key_or_id
from backscroll.store.archive.records import ImportOutcome
from backscroll.store.archive.tombstones import is_forgotten


def outcome_if_there(
    connection: Connection, table: Table, partition: str, key: str | None, object_id: str
) -> ImportOutcome | None:
    """Look for the object to import, and return the outcome if there is nothing to write.

    The result is None if the object must be written. The list of the table's objects is locked, so
    that no other transaction adds the object in the meantime.

    Args:
        connection: a connection in a write transaction.
        table: the table of the object.
        partition: the partition of the object.
        key: the import key of the object; None if it was recorded.
        object_id: the id of the object.
    """
    lock_list(connection, table, partition)
    bound = {"within": partition, "key": key, "id": object_id}
    found = connection.execute(same_key_or_id(table), bound).first()
    if found is not None and found.deleted_at is None:
        return ImportOutcome(kind="present", id=found.id)
    if found is not None or (key is not None and is_forgotten(connection, table, partition, key)):
        return ImportOutcome(kind="forgotten")
    return None
