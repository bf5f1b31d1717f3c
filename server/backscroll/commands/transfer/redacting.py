"""Replaces secrets in imports of Backscroll's own formats, by the rules for recorded sessions."""

from collections import Counter
from typing import Final

from msgspec.structs import replace

from backscroll.commands.transfer.formats.entries import Imported
from backscroll.history.redaction.redacting import redacted_metadata, redacted_value
from backscroll.history.sync.stored_parts import Secrets
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
    numbered_key,
)

OUTSIDE: Final = ""
"""In the result of `redacted_import`, the key of all secrets that are not in a message or item of a
thread or conversation. No message or item has an empty key.
"""


def redacted_import(given: Imported) -> tuple[Imported, Secrets]:
    """Replace the secrets in a thread, conversation, completion or response, and count them.

    Secrets are replaced in contents, in the arguments and outputs of tools, in metadata and in
    other fields. Ids, roles, types and import keys never change.

    Args:
        given: the object to import. It is not changed.

    Returns:
        A copy of the object without secrets, and how many secrets of each kind each message or item
        had. The keys of these numbers are those of `ImportOutcome.written`. All secrets of a
        completion or response are counted under `OUTSIDE`, because it is written completely or not
        at all.
    """
    outside: Counter[str] = Counter()
    secrets = {OUTSIDE: outside}
    if isinstance(given, ImportedThread):
        return replace(
            given,
            messages=[
                _message(message, secrets.setdefault(_key(message, message.id, number), Counter()))
                for number, message in enumerate(given.messages, 1)
            ],
            metadata=redacted_metadata(given.metadata, outside),
            tool_resources=redacted_value(given.tool_resources, outside),
        ), secrets
    if isinstance(given, ImportedConversation):
        return replace(
            given,
            items=[
                _item(item, secrets.setdefault(_key(item, item.item.get("id"), number), Counter()))
                for number, item in enumerate(given.items, 1)
            ],
            metadata=redacted_metadata(given.metadata, outside),
        ), secrets
    return _whole(given, outside), secrets


def _whole(
    given: ImportedCompletion | ImportedResponse, kinds: Counter[str]
) -> ImportedCompletion | ImportedResponse:
    metadata = redacted_metadata(given.metadata, kinds)
    fields = redacted_value(given.fields, kinds)
    if isinstance(given, ImportedCompletion):
        return replace(
            given,
            choices=redacted_value(given.choices, kinds),
            messages=redacted_value(given.messages, kinds),
            metadata=metadata,
            fields=fields,
        )
    return replace(
        given,
        input=redacted_value(given.input, kinds),
        output=redacted_value(given.output, kinds),
        metadata=metadata,
        fields=fields,
    )


def _message(message: ImportedMessage, kinds: Counter[str]) -> ImportedMessage:
    return replace(
        message,
        content=redacted_value(message.content, kinds),
        attachments=redacted_value(message.attachments, kinds),
        metadata=redacted_metadata(message.metadata, kinds),
    )


def _item(item: ImportedItem, kinds: Counter[str]) -> ImportedItem:
    return replace(item, item=redacted_value(item.item, kinds))


def _key(member: ImportedMessage | ImportedItem, member_id: object, number: int) -> str:
    return member.key or (member_id if isinstance(member_id, str) else numbered_key(number))
