"""Makes rows of what is imported: checked, repaired and hashed, before any transaction begins."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Table

from backscroll.database.faults import StoreError
from backscroll.database.json_text import dump_json
from backscroll.database.schema import conversations, items, messages, threads
from backscroll.store.activity import US
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.difference import Given
from backscroll.store.archive.merging import hashes_of
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.archive.storable import storable, storable_metadata
from backscroll.store.bodies import MetadataChange
from backscroll.store.conversation_object import ItemList, item_object, item_row
from backscroll.store.envelopes import JSON
from backscroll.store.ids import (
    is_id,
    new_conversation_id,
    new_item_id,
    new_message_id,
    new_thread_id,
)
from backscroll.store.message_object import text_part
from backscroll.store.request_body import why_unstorable
from backscroll.store.search.texts import CONVERSATION, THREAD, Entry, item_entry, thread_entry
from backscroll.store.validation import validate

_KEY_CHARS: Final = 512


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """What differs between threads and conversations when they are imported.

    Attributes:
        kind: the kind in the search index.
        owners: the table of the threads or conversations.
        members: the table of their messages or items.
        owner: the column of `members` that refers to the owner.
        new_id: returns an id for a new member, given its row.
        entry: returns what to index of a member, given its row and the owner's time.
        erased: the values of the columns of a member's content after it was erased.
    """

    kind: int
    owners: Table
    members: Table
    owner: str
    new_id: Callable[[JSON], str]
    entry: Callable[[JSON, int], Entry]
    erased: Mapping[str, None]


THREADS: Final = Collection(
    THREAD,
    threads,
    messages,
    "thread",
    lambda _: new_message_id(),
    lambda row, _: thread_entry(row),
    {"content": None, "attachments": None, "metadata": None},
)
CONVERSATIONS: Final = Collection(
    CONVERSATION,
    conversations,
    items,
    "conversation",
    lambda row: new_item_id(row["body"]["type"]),
    lambda row, of_owner: item_entry(
        row, of_owner if row["created_at"] is None else row["created_at"]
    ),
    {"body": None},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A thread or conversation that is ready to be written.

    Attributes:
        collection: what it is.
        row: its row, without the columns that depend on its members.
        keeps_id: whether the id of the row is its own, and not a new one.
        members: the rows of its messages or items, in order, without an owner and positions. The
            `id` of a row is None if it is to get a new one.
        active_at: its last activity, in Unix seconds.
        is_tail: see `ImportedConversation`.
        repaired: how many characters became U+FFFD.
    """

    collection: Collection
    row: JSON
    keeps_id: bool
    members: Sequence[JSON]
    active_at: int
    is_tail: bool
    repaired: int

    @property
    def given(self) -> list[Given]:
        """What identifies the members, and the hashes of their contents."""
        return [Given(row["import_key"], row["id"], row["import_digest"]) for row in self.members]

    @property
    def newest_at(self) -> int:
        """The latest of its last activity and the times of its members, in Unix seconds."""
        times = (row["created_at"] for row in self.members if row["created_at"] is not None)
        return max(self.active_at, max(times, default=self.active_at))

    def active_us(self, now_us: int) -> int:
        """Return the last activity in Unix microseconds, limited to the time from 1970 to now."""
        return min(max(0, self.active_at) * US, now_us)

    def entry(self, index: int) -> Entry:
        """Return what to index of a member, whose position is not known yet."""
        row = {"position": 0, **self.members[index]}
        return self.collection.entry(row, self.row["created_at"])


def prepare_thread(thread: ImportedThread) -> Prepared:
    """Return a thread, ready to be written.

    Raises:
        StoreError: the thread has a value that cannot be stored.
    """
    rows = [_message_row(message) for message in thread.messages]
    repaired = sum(count for _, count in rows)
    members = _identified((row for row, _ in rows), "messages")
    thread_id = checked_id(thread.id, "thread")
    metadata, count = metadata_of(thread.metadata)
    active_at = members[-1]["created_at"] if members else thread.created_at
    row: JSON = {
        "id": thread_id or new_thread_id(),
        "import_key": thread.key,
        "created_at": thread.created_at,
        "metadata": metadata,
        "imported_metadata": hashes_of(metadata),
        "tool_resources": thread.tool_resources,
    }
    row, of_row = storable(row)
    check(row)
    return Prepared(
        collection=THREADS,
        row=row,
        keeps_id=thread_id is not None,
        members=members,
        active_at=active_at,
        is_tail=False,
        repaired=repaired + count + of_row,
    )


def prepare_conversation(conversation: ImportedConversation) -> Prepared:
    """Return a conversation, ready to be written.

    Raises:
        StoreError: the conversation has a value that cannot be stored.
    """
    rows, repaired = _item_rows(conversation.items)
    members = _identified(rows, "items", is_tail=conversation.is_tail)
    conversation_id = checked_id(conversation.id, "conv")
    metadata, count = metadata_of(conversation.metadata)
    row: JSON = {
        "id": conversation_id or new_conversation_id(),
        "import_key": conversation.key,
        "created_at": conversation.created_at,
        "metadata": metadata,
        "imported_metadata": hashes_of(metadata),
    }
    row, of_row = storable(row)
    check(row)
    active_at = conversation.last_active_at
    return Prepared(
        collection=CONVERSATIONS,
        row=row,
        keeps_id=conversation_id is not None,
        members=members,
        active_at=conversation.created_at if active_at is None else active_at,
        is_tail=conversation.is_tail,
        repaired=repaired + count + of_row,
    )


def checked_id(given: object, prefix: str = "") -> str | None:
    """Return an id that is to be kept, or None if there is none.

    Raises:
        StoreError: it is not an id, or does not begin with `prefix`.
    """
    if given is None:
        return None
    if not isinstance(given, str) or not is_id(given):
        line = f"{str(given)[:64]!r} is not an id: expected 1 to 256 letters, digits and _ . = -"
        raise StoreError(line)
    if not given.startswith(prefix):
        line = f"{given[:64]!r} does not begin with '{prefix}'"
        raise StoreError(line)
    return given


def metadata_of(given: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Return metadata to store, and how many characters became U+FFFD.

    Raises:
        StoreError: a value is not a text.
    """
    if not given:
        return {}, 0
    found, repaired = storable_metadata(given)
    try:
        return validate(MetadataChange, {"metadata": found}).metadata or {}, repaired
    except ApiError as error:
        raise StoreError(error.message) from error


def check(value: object) -> None:
    """Check that a value can be stored.

    Raises:
        StoreError: it cannot.
    """
    reason = why_unstorable(value)
    if reason is not None:
        line = f"cannot be imported: {reason}"
        raise StoreError(line)


def digest_of(collection: Collection, row: JSON) -> int:
    """Return the hash of the content of a message's or item's row, in 64 bits.

    Its time is not part of the content, because some sources have none, and the time of the import
    is then stored.

    Raises:
        ValueError: the content has a value that cannot be stored.
        RecursionError: the content is nested too deeply.
    """
    if collection is CONVERSATIONS:
        content: object = item_object({**row, "id": "", "created_at": None})
    else:
        content = [row[name] for name in _HASHED]
    text = dump_json(content)
    if r"\u0000" in text and why_unstorable(content) is not None:
        message = "a string has a NUL character"
        raise ValueError(message)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1  # 0 is `REMOVED`


_HASHED: Final = tuple(
    column.name
    for column in messages.c
    if column.name
    not in {
        *("thread", "position", "id", "created_at", "import_key", "import_digest"),
        "deleted_at",
    }
)


def _hashed(collection: Collection, row: JSON) -> tuple[JSON, int]:
    """Return a row with its digest, and how many of its characters became U+FFFD.

    Raises:
        StoreError: the row has a value that cannot be stored.
    """
    repaired = 0
    try:
        digest = digest_of(collection, row)
    except (ValueError, RecursionError):
        row, repaired = storable(row)
        check(row)
        digest = digest_of(collection, row)
    return {**row, "import_digest": digest}, repaired


def _message_row(message: ImportedMessage) -> tuple[JSON, int]:
    content = message.content
    parts = [text_part(content)] if isinstance(content, str) else [_part(part) for part in content]
    metadata, repaired = metadata_of(message.metadata)
    row: JSON = {
        "id": checked_id(message.id),
        "import_key": message.key,
        "created_at": message.created_at,
        "role": message.role,
        "content": parts,
        "attachments": message.attachments,
        "metadata": metadata,
        "run_id": message.run_id,
        "assistant_id": message.assistant_id,
        "status": message.status,
        "incomplete_at": message.incomplete_at,
        "incomplete_details": message.incomplete_details,
    }
    row, count = _hashed(THREADS, row)
    return row, repaired + count


def _part(part: JSON) -> JSON:
    """Return a message part in the form of responses, given the form of requests or responses."""
    text = part.get("text")
    return text_part(text) if part.get("type") == "text" and isinstance(text, str) else part


def _item_rows(given: Sequence[ImportedItem]) -> tuple[list[JSON], int]:
    repaired = 0
    try:
        _validate(given)
    except StoreError:
        items, repaired = storable([each.item for each in given])  # the reason may be a character
        given = [replace(each, item=item) for each, item in zip(given, items, strict=True)]
        _validate(given)
    rows = [_item_row(each) for each in given]
    return [row for row, _ in rows], repaired + sum(count for _, count in rows)


def _validate(given: Sequence[ImportedItem]) -> None:
    try:
        validate(ItemList, {"items": [each.item for each in given]})
    except ApiError as error:
        raise StoreError(error.message) from error


def _item_row(given: ImportedItem) -> tuple[JSON, int]:
    item_id = checked_id(given.item.get("id"))
    row: JSON = {
        "id": item_id,
        "import_key": given.key,
        "created_at": given.created_at,
        "body": item_row(given.item, item_id)["body"],
    }
    return _hashed(CONVERSATIONS, row)


def _identified(rows: Iterable[JSON], name: str, *, is_tail: bool = False) -> list[JSON]:
    """Return rows of which each has another key or id.

    A row without a key and without an id gets its position as key. Of several rows with the same
    key and content, one is kept. If their contents differ, each gets a key of its own.

    Raises:
        StoreError: two rows have the same id, a key is too long, or a row of a tail has no key.
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
        key = f"#{number}" if key is None else key
        if not 0 < len(key) <= _KEY_CHARS:
            line = f"cannot be imported: a key of its {name} has not 1 to {_KEY_CHARS} characters"
            raise StoreError(line)
        repeated = found.get(f"key {key}")
        if repeated is not None and repeated["import_digest"] == row["import_digest"]:
            continue
        if repeated is not None:
            key = f"{key[: _KEY_CHARS - 12]}#{number}"
        found[f"key {key}"] = {**row, "import_key": key}
    return list(found.values())
