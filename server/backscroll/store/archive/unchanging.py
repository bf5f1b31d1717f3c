"""What the imports of chat completions and responses share: these never change."""

from sqlalchemy import Connection, Table

from backscroll.database.locks import lock_list
from backscroll.store.archive.load import same_key_or_id
from backscroll.store.archive.records import ImportOutcome
from backscroll.store.archive.tombstones import is_forgotten


def outcome_if_there(
    connection: Connection, table: Table, partition: str, key: str, object_id: str
) -> ImportOutcome | None:
    """Lock a list, and return the outcome of an import that writes nothing; None if it must write.

    Args:
        connection: a connection in a write transaction.
        table: the table of the object.
        partition: its partition.
        key: its import key.
        object_id: its id.
    """
    lock_list(connection, table, partition)
    bound = {"within": partition, "key": key, "id": object_id}
    found = connection.execute(same_key_or_id(table), bound).first()
    if found is not None and found.deleted_at is None:
        return ImportOutcome(kind="present", id=found.id)
    if found is not None or is_forgotten(connection, table, partition, key):
        return ImportOutcome(kind="forgotten")
    return None
