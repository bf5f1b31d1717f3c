"""Converts imported messages and items to rows. Checks, repairs and hashes their content."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from msgspec.structs import replace

from backscroll.database.compressed_json import JsonText
from backscroll.database.faults import StoreError
from backscroll.database.json_text import dump_large_json
from backscroll.database.schema import messages
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.records import ImportedItem, ImportedMessage
from backscroll.store.archive.storable import storable, storable_metadata
from backscroll.store.bodies import MetadataChange
from backscroll.store.conversation_object import (
    MAX_ITEM_TEXT,
    ItemList,
    completed,
    is_message,
    item_body,
    text_content,
)
from backscroll.store.envelopes import JSON
from backscroll.store.ids import is_id
from backscroll.store.message_object import stored_content, stored_text_part, text_part
from backscroll.store.request_body import why_unstorable
from backscroll.store.validation import validate

_hashed: Final = itemgetter(
    *(
        column.name
        for column in messages.c
        if column.name
        not in {
            *("thread", "position", "id", "created_at", "import_key", "import_digest"),
            "deleted_at",
        }
    )
)


def message_rows(given: Sequence[ImportedMessage]) -> tuple[list[JSON], int]:
    """Return the rows of messages, and how many of their characters became U+FFFD.

    A row has no thread and no position. Its `id` is None if the store creates one. In addition, a
    row has the JSON text of its content as `text`.

    Raises:
        StoreError: a message has a value that cannot be stored.
    """
    rows = [_message_row(each) for each in given]
    return [row for row, _ in rows], sum(count for _, count in rows)


def item_rows(given: Sequence[ImportedItem]) -> tuple[list[JSON], int]:
    """Return the rows of items, and how many of their characters became U+FFFD.

    Like the rows of `message_rows`, these have no conversation and no position. In addition, a row
    has the JSON text of its body as `text`. If a message part's text is longer than the API allows,
    the part is divided into several parts.

    Raises:
        StoreError: an item has a value that cannot be stored, or the API does not accept the item.
    """
    repaired = 0
    given = [
        replace(each, item=_divided(each.item)) if _has_long(each.item) else each for each in given
    ]
    try:
        _validate(given)
    except StoreError:
        # The reason may be a character that cannot be stored, so replace such characters.
        items, repaired = storable([each.item for each in given])
        given = [replace(each, item=item) for each, item in zip(given, items, strict=True)]
        _validate(given)
    rows = [_item_row(each) for each in given]
    return [row for row, _ in rows], repaired + sum(count for _, count in rows)


def message_digest(row: JSON) -> int:
    """Return the hash of the content of a message's row, in 64 bits.

    The time is not hashed: if the source has no times, it is the time of the import, which differs
    between imports.

    Raises:
        ValueError: the content has a value that cannot be stored.
        RecursionError: the content is nested too deeply.
    """
    # Older versions of Backscroll stored empty lists of annotations. `stored_content` removes them,
    # so that the hash does not depend on the version.
    return _stored_digest({**row, "content": stored_content(row["content"])})


def _stored_digest(row: JSON) -> int:
    """Return the hash of a message whose content has the form in which it is stored."""
    return _digest(_text_of(_hashed(row)))


def item_digest(row: JSON) -> int:
    """Return the hash of the body of an item's row, like `message_digest`."""
    return _digest(_text_of(completed(row["body"])))


def checked_id(given: object, prefix: str = "") -> str | None:
    """Check an imported id, and return it; None if there is no id.

    Raises:
        StoreError: it is not an id, or does not begin with `prefix`.
    """
    if given is None:
        return None
    if not isinstance(given, str) or not is_id(given):
        line = (
            f"{str(given)[:64]!r} is not an id: expected 1 to 256 letters, digits, _ . = or -, "
            "starting with a letter, a digit or _"
        )
        raise StoreError(line)
    if not given.startswith(prefix):
        line = f"{given[:64]!r} does not begin with '{prefix}'"
        raise StoreError(line)
    return given


def metadata_of(given: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Return metadata to store, and how many characters became U+FFFD.

    Raises:
        StoreError: a value is not a string.
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
        StoreError: the value cannot be stored.
    """
    reason = why_unstorable(value)
    if reason is not None:
        line = f"cannot be imported: {reason}"
        raise StoreError(line)


def _message_row(message: ImportedMessage) -> tuple[JSON, int]:
    content = message.content
    if isinstance(content, str):
        parts = [stored_text_part(content)]
    else:
        parts = stored_content(_part(part) for part in content)
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
    count = 0
    try:
        digest = _stored_digest(row)
    except (ValueError, RecursionError):
        row, count = storable(row)
        check(row)
        digest = message_digest(row)
    row["import_digest"] = digest
    row["text"] = dump_large_json(row["content"])
    return row, repaired + count


def _part(part: JSON) -> JSON:
    """Return a message part in the form of responses. `part` may have the form of requests."""
    text = part.get("text")
    return text_part(text) if part.get("type") == "text" and isinstance(text, str) else part


def _validate(given: Sequence[ImportedItem]) -> None:
    try:
        validate(ItemList, {"items": [each.item for each in given]})
    except ApiError as error:
        raise StoreError(error.message) from error


def _item_row(given: ImportedItem) -> tuple[JSON, int]:
    item_id = checked_id(given.item.get("id"))
    body = completed(item_body(given.item))
    repaired = 0
    try:
        text = _text_of(body)
    except (ValueError, RecursionError):
        body, repaired = storable(body)
        check(body)
        text = _text_of(body)
    row: JSON = {
        "id": item_id,
        "import_key": given.key,
        "import_digest": _digest(text),
        "created_at": given.created_at,
        "body": body,
        "text": JsonText(text, is_compressible=not is_message(body)),
    }
    return row, repaired


def _divided(item: JSON) -> JSON:
    """Return an item with each long text divided into parts of a length that the API allows."""
    content = item["content"]
    if isinstance(content, str):
        content = [text_content(item.get("role"), content)]
    return {**item, "content": [piece for part in content for piece in _pieces(part)]}


def _has_long(item: JSON) -> bool:
    content = item.get("content")
    if isinstance(content, str):
        return len(content) > MAX_ITEM_TEXT
    return isinstance(content, list) and any(map(_is_long, content))


def _is_long(part: object) -> bool:
    text = part.get("text") if isinstance(part, dict) else None
    return isinstance(text, str) and len(text) > MAX_ITEM_TEXT


def _pieces(part: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    if not _is_long(part):
        yield part
        return
    text = part["text"]
    for at in range(0, len(text), MAX_ITEM_TEXT):
        yield {**part, "text": text[at : at + MAX_ITEM_TEXT]}


def _text_of(content: object) -> str:
    """Return `content` as JSON text, to be hashed or stored.

    Raises:
        ValueError: the content has a value that cannot be stored.
        RecursionError: the content is nested too deeply.
    """
    text = dump_large_json(content)
    if r"\u0000" in text and why_unstorable(content) is not None:
        message = "a string has a NUL character"
        raise ValueError(message)
    return text


def _digest(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1  # 0 is `REMOVED`
