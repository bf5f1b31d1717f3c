"""Prepares imported threads and conversations for writing, before the transaction begins."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from msgspec import Struct
from sqlalchemy import Table, bindparam, insert

from backscroll.database.compiled import CompiledStatement
from backscroll.database.compressed_json import DumpedJson, WrittenJson
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
from backscroll.store.ids import new_conversation_id, new_item_ids, new_message_ids, new_thread_id
from backscroll.store.search.texts import (
    CONVERSATION,
    THREAD,
    Entry,
    item_entry,
    item_role,
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
        json: the column of `members` whose JSON text a row to insert has as `text`.
        insert: the statement that inserts a member.
        digest: returns the hash of a member's content, given its row.
        new_ids: returns the ids of new members, given their rows.
        role: returns the role of a member, given its row.
        text: returns the text of a member that search uses, without that of tools, given its row.
        entry: returns the search entry of a member, given its row and the owner's creation time.
        erased: the columns of a member's content, with the values that erase the content.
    """

    kind: int
    owners: Table
    members: Table
    owner: str
    json: str
    insert: CompiledStatement
    digest: Callable[[JSON], int]
    new_ids: Callable[[Sequence[JSON]], list[str]]
    role: Callable[[JSON], str]
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
    "content",
    CompiledStatement(
        insert(messages).values(content=bindparam("text", type_=DumpedJson())),
        _inserted(messages, "content"),
    ),
    message_digest,
    lambda rows: new_message_ids(len(rows)),
    itemgetter("role"),
    lambda row: message_text(row["role"], row["content"]),
    lambda row, _: thread_entry(row),
    {"content": None, "attachments": None, "metadata": None},
)
CONVERSATIONS: Final = Collection(
    CONVERSATION,
    conversations,
    items,
    "conversation",
    "body",
    CompiledStatement(
        insert(items).values(body=bindparam("text", type_=WrittenJson())), _inserted(items, "body")
    ),
    item_digest,
    lambda rows: new_item_ids([row["body"]["type"] for row in rows]),
    lambda row: item_role(row["body"]),
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

    def entries(self, indexes: Iterable[int]) -> dict[int, Entry]:
        """Return the search entries of members, with tokens, by index.

        Members that have no text, or only text of tools, are left out. Each entry has the position
        that its member gets in a new thread or conversation.
        """
        from backscroll_tools.search.tokenizer import tokens  # only when something is imported

        found = {}
        for at in indexes:
            row = self.members[at]
            if text := self.collection.text(row):
                created_at = row["created_at"]
                if created_at is None:
                    created_at = self.row["created_at"]
                role = self.collection.role(row)
                found[at] = Entry(at + 1, role, created_at, text, tokens(text))
        return found


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
        own_id, key = row["id"], row["import_key"]
        if own_id is not None:
            if own_id in ids:
                line = f"cannot be imported: two of its {name} have the same id"
                raise StoreError(line)
            ids.add(own_id)
            if key is None:
                found[f"id {own_id}"] = row
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
        row["import_key"] = key
        found[f"key {key}"] = row
    return list(found.values())
