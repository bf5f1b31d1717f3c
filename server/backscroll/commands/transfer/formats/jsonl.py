"""Reads JSON Lines in OpenAI's shapes: threads, conversations, chat completions and responses.

    {"object": "thread", "messages": [{"role": "user", "content": "Hello"}, …]}
    {"object": "conversation", "items": [{"role": "user", "content": "Hello"}, …]}
    {"object": "chat.completion", "model": "…", "choices": […], "messages": […]}
    {"object": "response", "model": "…", "output": […], "input": "Hello"}

A message has the fields of the API's `thread.message`. Its content can be text or a list of parts,
as in a request or in a response. Fields that only repeat other fields are ignored. A `title`
becomes `metadata.title`. Unknown fields of completions and responses are kept. Unknown fields of
threads and conversations are left out, and the import reports their names.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from backscroll.commands.transfer.formats.entries import Imported, ImportEntry, Partly, Refused
from backscroll.commands.transfer.formats.reasons import names_of, reason, unknown_fields
from backscroll.commands.transfer.formats.shapes import (
    CompletionLine,
    ConversationLine,
    MessageLine,
    ResponseLine,
    ThreadLine,
    imported_item,
)
from backscroll.history.files.described import resembled
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.bodies import Metadata
from backscroll.store.envelopes import JSON
from backscroll.store.request_body import parse_object

NOT_JSON: Final = "is not a valid JSON object"
"""The start of the reason for refusing a line that is not a JSON object."""

BARE: Final = 'has messages outside a conversation: wrap them in {"messages": […]}'
"""The reason for refusing a message that is not in a conversation."""

LINE_BYTES: Final = 256 * 1024 * 1024
"""The maximum length of a line in bytes. A longer line is refused."""

_OWN: Final = ("messages", "items", "choices")
"""An object with one of these fields can be a thread, a conversation or a completion."""

_WITH_UNKNOWN: Final = ("chat.completion", "response")
"""The kinds of objects whose unknown fields are kept."""

_METADATA: Final = TypeAdapter[dict[str, str]](Metadata)


class LineStream(Protocol):
    """A stream that can be read line by line."""

    def readline(self, most: int, /) -> bytes:
        """Return the next line, or its first `most` bytes; nothing at the end of the stream."""
        ...


def lines(stream: LineStream, line_bytes: int = LINE_BYTES) -> Iterator[ImportEntry]:
    """Yield an entry for each line. Blank lines are skipped.

    Args:
        stream: the lines.
        line_bytes: the maximum length of a line in bytes. A longer line is refused.
    """
    number = 0
    while line := stream.readline(line_bytes):
        number += 1
        size = len(line)
        if size == line_bytes and not line.endswith(b"\n"):
            item: Imported | Partly | Refused = Refused(f"is longer than {line_bytes} bytes")
            while not line.endswith(b"\n") and (line := stream.readline(line_bytes)):
                size += len(line)
        elif line.isspace():
            continue
        else:
            item = parse(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
        yield ImportEntry(f"line {number}", item, size)


def parse(line: bytes) -> Imported | Partly | Refused:
    """Return the conversation on a line, or a refusal."""
    try:
        found = parse_object(line)
    except ApiError as error:
        # Drop "We could not parse the JSON body of your request: ": a line is not a request.
        why = error.message.partition(": ")[2].removesuffix(".")
        return Refused(f"{NOT_JSON}: {why}")
    return parse_value(found)


def parse_value(found: JSON) -> Imported | Partly | Refused:
    """Return the conversation that a JSON object describes, or a refusal.

    Unknown fields are removed from `found`.
    """
    if not any(name in found for name in _OWN) and "role" in found and "content" in found:
        return Refused(BARE)
    if not any(name in found for name in (*_OWN, "object")):
        words = resembled(found)
        if words is not None:
            return Refused(f"has no messages, but resembles {words}")
    title = _title(found)
    item = _known(found)
    if not title or isinstance(item, Refused):
        return item
    if isinstance(item, Partly):
        return replace(item, item=_titled(item.item, title))
    return _titled(item, title)


def _title(found: JSON) -> str:
    """Remove the title of a thread or conversation from `found`, and return the title.

    The result is empty if there is no title. If `metadata` already has a title, or cannot contain
    this title, the result is also empty, and the title stays in `found` as an unknown field.
    """
    title, metadata = found.get("title"), found.get("metadata") or {}
    if found.get("object", _kind(found)) in _WITH_UNKNOWN or not isinstance(metadata, dict):
        return ""
    if title is None or title == "":
        found.pop("title", None)
        return ""
    try:
        _METADATA.validate_python({**metadata, "title": title}, strict=True)
    except ValidationError:
        return ""
    if "title" in metadata:
        return ""
    del found["title"]
    return str(title)


def _titled(item: Imported, title: str) -> Imported:
    return replace(item, metadata={**item.metadata, "title": title})


def _known(found: JSON) -> Imported | Partly | Refused:
    try:
        return _parsed(found)
    except ValidationError as error:
        paths = unknown_fields(error)
        if not paths:
            return Refused(reason(error))
    for *steps, name in paths:
        owner: Any = found
        for step in steps:
            owner = owner[step]
        del owner[name]
    item = _parsed(found)
    return item if isinstance(item, Refused) else Partly(item, names_of(paths))


def _parsed(found: JSON) -> Imported | Refused:
    kind = found.get("object", _kind(found))
    if kind == "thread":
        return _thread(ThreadLine.model_validate(found), found)
    if kind == "conversation":
        return _conversation(ConversationLine.model_validate(found), found)
    if kind == "chat.completion":
        return _completion(CompletionLine.model_validate(found), found)
    if kind == "response":
        return _response(ResponseLine.model_validate(found), found)
    return Refused('object must be "thread", "conversation", "chat.completion" or "response"')


def _kind(found: JSON) -> str:
    """Infer the kind of an object without an `object` field from its other fields."""
    if "choices" in found:
        return "chat.completion"
    return "conversation" if "items" in found else "thread"


def _hash(found: JSON) -> str:
    # Hash the parsed value, because the order of keys and whitespace do not matter.
    canonical = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def _thread(line: ThreadLine, found: JSON) -> ImportedThread:
    times = [message.created_at for message in line.messages if message.created_at is not None]
    moment = line.created_at
    if moment is None:
        moment = times[0] if times else int(time.time())
    created_at = moment
    messages = []
    for message in line.messages:
        # A message without a time gets the time of the message before it.
        moment = moment if message.created_at is None else message.created_at
        messages.append(_message(message, moment))
    return ImportedThread(
        key=line.key or line.id or _hash(found),
        created_at=created_at,
        messages=messages,
        id=line.id,
        metadata=line.metadata or {},
        tool_resources=line.tool_resources,
    )


def _message(line: MessageLine, created_at: int) -> ImportedMessage:
    return ImportedMessage(
        role=line.role,
        content=line.content,
        created_at=created_at,
        id=line.id,
        metadata=line.metadata or {},
        attachments=line.attached(),
        run_id=line.run_id,
        assistant_id=line.assistant_id,
        status=line.status,
        incomplete_at=line.incomplete_at,
        incomplete_details=line.incomplete_details,
        key=line.key,
    )


def _conversation(line: ConversationLine, found: JSON) -> ImportedConversation:
    return ImportedConversation(
        key=line.key or line.id or _hash(found),
        created_at=int(time.time()) if line.created_at is None else line.created_at,
        items=[imported_item(*each) for each in zip(line.items, found["items"], strict=True)],
        last_active_at=line.last_active_at,
        id=line.id,
        metadata=line.metadata or {},
    )


def _completion(line: CompletionLine, found: JSON) -> ImportedCompletion:
    return ImportedCompletion(
        key=line.key or line.id or _hash(found),
        created_at=int(time.time()) if line.created is None else line.created,
        model=line.model,
        choices=found["choices"],  # unchanged, including key order
        messages=found.get("messages", []),
        id=line.id,
        metadata=line.metadata or {},
        fields=line.model_extra or {},
    )


def _response(line: ResponseLine, found: JSON) -> ImportedResponse:
    return ImportedResponse(
        key=line.key or line.id or _hash(found),
        created_at=int(time.time()) if line.created_at is None else line.created_at,
        input=line.own_input(),
        output=line.output,
        id=line.id,
        metadata=line.metadata or {},
        fields=line.model_extra or {},
    )
