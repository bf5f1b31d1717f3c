"""Prepares imported threads and conversations for writing, before the transaction begins."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import Table, bindparam, insert

from backscroll.database.compiled import CompiledStatement
from backscroll.database.compressed_json import WrittenJson
from backscroll.database.faults import StoreError
from backscroll.database.schema import conversations, items, messages, threads
from backscroll.store.activity import US
from backscroll.store.archive.difference import Given
from backscroll.store.archive.merging import hashes_of
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedThread,
    numbered_key,
)
from backscroll.store.archive.rows import (
    check,
    checked_id,
    item_digest,
    item_rows,
    message_digest,
    message_rows,
    metadata_of,
)
from backscroll.store.archive.storable import storable
from backscroll.store.envelopes import JSON
from backscroll.store.ids import new_conversation_id, new_item_id, new_message_id, new_thread_id
from backscroll.store.search.texts import (
    CONVERSATION,
    THREAD,
    Entry,
    item_entry,
    item_text,
    message_text,
    thread_entry,
)

_KEY_CHARS: Final = 512


class Collection(Struct, frozen=True, eq=False):
    """The tables and functions for importing either threads or conversations.

    An "owner" is a thread or conversation. A "member" is a message of a thread, or an item of a
    conversation.

    Attributes:
        kind: the number that stands for threads or for conversations in the search index.
        owners: the table of the owners.
        members: the table of the members.
        owner: the column of `members` that refers to the owner.
        insert: the statement that inserts a member.
        digest: returns the hash of a member's content, given its row.
        new_id: returns an id for a new member, given its row.
        text: returns the text of a member that search uses, without that of tools, given its row.
        entry: returns the search entry of a member, given its row and the owner's creation time.
        erased: the columns of a member's content, with the values that erase the content.
    """

    kind: int
    owners: Table
    members: Table
    owner: str
    insert: CompiledStatement
    digest: Callable[[JSON], int]
    new_id: Callable[[JSON], str]
    text: Callable[[JSON], str]
    entry: Callable[[JSON, int], Entry]
    erased: Mapping[str, None]


def _inserted(table: Table, *others: str) -> list[str]:
    """Return the names of all columns of a table, except `deleted_at` and `others`."""
    return [column.name for column in table.c if column.name not in {"deleted_at", *others}]


THREADS: Final = Collection(
    THREAD,
    threads,
    messages,
    "thread",
    CompiledStatement(insert(messages), _inserted(messages)),
    message_digest,
    lambda _: new_message_id(),
    lambda row: message_text(row["role"], row["content"]),
    lambda row, _: thread_entry(row),
    {"content": None, "attachments": None, "metadata": None},
)
CONVERSATIONS: Final = Collection(
    CONVERSATION,
    conversations,
    items,
    "conversation",
    CompiledStatement(
        insert(items).values(body=bindparam("text", type_=WrittenJson())), _inserted(items, "body")
    ),
    item_digest,
    lambda row: new_item_id(row["body"]["type"]),
    lambda row: item_text(row["body"]),
    lambda row, of_owner: item_entry(
        row, of_owner if row["created_at"] is None else row["created_at"]
    ),
    {"body": None},
)


class Prepared(Struct, frozen=True, kw_only=True):
    """A thread or conversation that is ready to be written.

    Attributes:
        collection: `THREADS` for a thread, or `CONVERSATIONS` for a conversation.
        row: its row in the database, without the columns that depend on its members.
        members: the rows of its messages or items, in order, without an owner and positions. The
            `id` of a row is None if the store creates one.
        given: the keys, ids and digests of `members`.
        active_at: its last activity, in Unix seconds.
        newest_at: the latest time in it, in Unix seconds.
        is_tail: whether `members` has only the last items, as in `ImportedConversation`.
        repaired: how many characters became U+FFFD, because they cannot be stored.
    """

    collection: Collection
    row: JSON
    members: Sequence[JSON]
    given: Sequence[Given]
    active_at: int
    newest_at: int
    is_tail: bool
    repaired: int

    def active_us(self, now_us: int) -> int:
        """Return the last activity in Unix microseconds, limited to the time from 1970 to now."""
        return min(max(0, self.active_at) * US, now_us)

    def text(self, index: int) -> str:
        """Return the text of a member that search uses, without that of tools."""
        return self.collection.text(self.members[index])


def prepare_thread(thread: ImportedThread) -> Prepared:
    """Check a thread, and return it ready to be written.

    Raises:
        StoreError: the thread has a value that cannot be stored.
    """
    rows, repaired = message_rows(thread.messages)
    members = _identified(rows, "messages")
    thread_id = checked_id(thread.id, "thread")
    metadata, count = metadata_of(thread.metadata)
    active_at = members[-1]["created_at"] if members else thread.created_at
    newest_at = _newest(members, active_at)
    row: JSON = {
        "id": thread_id or new_thread_id(),
        "import_key": thread.key,
        "created_at": thread.created_at,
        "metadata": metadata,
        "imported_metadata": hashes_of(metadata),
        "imported_until": newest_at,
        "tool_resources": thread.tool_resources,
    }
    row, of_row = storable(row)
    check(row)
    return Prepared(
        collection=THREADS,
        row=row,
        members=members,
        given=_given(members),
        active_at=active_at,
        newest_at=newest_at,
        is_tail=False,
        repaired=repaired + count + of_row,
    )


def prepare_conversation(conversation: ImportedConversation) -> Prepared:
    """Check a conversation, and return it ready to be written.

    Raises:
        StoreError: the conversation has a value that cannot be stored.
    """
    rows, repaired = item_rows(conversation.items)
    members = _identified(rows, "items", is_tail=conversation.is_tail)
    conversation_id = checked_id(conversation.id, "conv")
    metadata, count = metadata_of(conversation.metadata)
    last_active_at = conversation.last_active_at
    active_at = conversation.created_at if last_active_at is None else last_active_at
    newest_at = max(_newest(members, active_at), conversation.updated_at or 0)
    row: JSON = {
        "id": conversation_id or new_conversation_id(),
        "import_key": conversation.key,
        "created_at": conversation.created_at,
        "metadata": metadata,
        "imported_metadata": hashes_of(metadata),
        "imported_until": newest_at,
    }
    row, of_row = storable(row)
    check(row)
    return Prepared(
        collection=CONVERSATIONS,
        row=row,
        members=members,
        given=_given(members),
        active_at=active_at,
        newest_at=newest_at,
        is_tail=conversation.is_tail,
        repaired=repaired + count + of_row,
    )


def _given(members: Iterable[JSON]) -> list[Given]:
    return [Given(row["import_key"], row["id"], row["import_digest"]) for row in members]


def _newest(members: Iterable[JSON], active_at: int) -> int:
    times = (row["created_at"] for row in members if row["created_at"] is not None)
    return max(active_at, max(times, default=active_at))


def _identified(rows: Iterable[JSON], name: str, *, is_tail: bool = False) -> list[JSON]:
    """Return rows whose keys or ids are unique.

    A row that has neither a key nor an id gets a key from its number. If several rows have the same
    key, the first row keeps it. Each later row is dropped if its content equals that of the first
    row; otherwise it gets a new key.

    Raises:
        StoreError: two rows have the same id; a key is empty or too long; or `is_tail` is true, and
            a row has neither a key nor an id.
    """
    found: dict[str, JSON] = {}
    ids: set[str] = set()
    for number, row in enumerate(rows, 1):
        if row["id"] is not None and row["id"] in ids:
            line = f"cannot be imported: two of its {name} have the same id"
            raise StoreError(line)
        ids.add(row["id"])
        key = row["import_key"]
        if key is None and row["id"] is not None:
            found[f"id {row['id']}"] = row
            continue
        if key is None and is_tail:
            line = f"cannot be imported: one of its last {name} has no key"
            raise StoreError(line)
        key = numbered_key(number) if key is None else storable(key)[0]
        if not 0 < len(key) <= _KEY_CHARS:
            line = f"cannot be imported: keys of its {name} must have 1 to {_KEY_CHARS} characters"
            raise StoreError(line)
        repeated = found.get(f"key {key}")
        if repeated is not None and repeated["import_digest"] == row["import_digest"]:
            continue
        if repeated is not None:
            key = f"{key[: _KEY_CHARS - 12]}#{number}"
        found[f"key {key}"] = row if key == row["import_key"] else {**row, "import_key": key}
    return list(found.values())
