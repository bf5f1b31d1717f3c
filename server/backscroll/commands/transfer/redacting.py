"""Replaces the secrets of what was read in Backscroll's own formats, as for recorded sessions."""

from collections import Counter
from dataclasses import replace
from typing import Final

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
"""The key of the secrets that are in no message or item of a thread or conversation. No message or
item has an empty key.
"""


def redacted_import(given: Imported) -> tuple[Imported, Secrets]:
    """Return a thread, conversation, completion or response without its secrets, and their number.

    Secrets are replaced in contents, in the arguments and outputs of tools, in metadata and in
    other fields. Ids, roles, types and import keys never change.

    Args:
        given: what was read. It is not changed.

    Returns:
        The redacted value, and how many secrets of each kind each message or item had, by the key
        or id that `ImportOutcome.written` would contain. The secrets of a completion or response
        are all counted under `OUTSIDE`, because it is written completely or not at all.
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
