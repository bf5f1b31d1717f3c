"""A conversation as another program recorded it, in one form for all formats."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from backscroll.store.envelopes import JSON


class SourceItem(Struct, frozen=True, kw_only=True):
    """A message, tool call, tool output or reasoning of a conversation.

    Attributes:
        key: identifies the item within its conversation. It is the same in every later export or
            log, so that an import adds only new items. Formats without ids use a hash of the item
            and of its predecessors.
        item: the item as OpenAI's conversations API accepts it (`InputItem` in its OpenAPI
            document), such as `{"type": "message", "role": "user", "content": "Hello"}`.
        created_at: in Unix seconds; None if the format has no time for it.
    """

    key: str
    item: JSON
    created_at: int | None = None


class SourceConversation(Struct, frozen=True, kw_only=True):
    """A conversation with the items that its user saw, oldest first.

    Attributes:
        source: the name of the format's program, such as `chatgpt` or `claude-code`.
        id: the program's own id of the conversation. With `source`, it identifies the conversation
            across imports. Each branch has its own id, which stays the same even if the number in
            `branch` changes.
        items: the items of the current branch.
        title: empty if the conversation has no title.
        created_at: in Unix seconds; None if unknown.
        updated_at: when the conversation last changed, in Unix seconds; None if unknown.
        project: the working directory or project; empty if unknown.
        model: the model that answered last; empty if unknown.
        parent: the id of the conversation to which a sub-agent's conversation belongs, or from
            which it was forked; empty for any other conversation.
        metadata: other facts to keep, such as `git_branch`. At most eight.
        has_shared_keys: whether an item keeps its key if the program copies it to another
            conversation. If so, a sync recognises a fork by the keys of its copied items.
        branch: the number of an abandoned branch, which is read only on request; 0 for the current
            branch.
        is_partial: whether the file may lack items of the conversation, because the export covers
            only a period, or because something cannot be read. The import then removes no items
            from the store.
        is_continued: whether `items` are only those that were added, or may have changed, since the
            file was last imported whole. `is_partial` is true then too.
        replaced: how many NUL characters, lone surrogates and invalid bytes became U+FFFD.
    """

    source: str
    id: str
    items: Sequence[SourceItem]
    title: str = ""
    created_at: int | None = None
    updated_at: int | None = None
    project: str = ""
    model: str = ""
    parent: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    has_shared_keys: bool = False
    branch: int = 0
    is_partial: bool = False
    is_continued: bool = False
    replaced: int = 0


class Unreadable(Struct, frozen=True):
    """A file, or a record in a file, that cannot be read as a conversation.

    Attributes:
        position: where it is: `conversation 12`, `line 7`, the conversation's id, or the file's
            name.
        reason: why it cannot be read, and what the user can do. The reason has no subject, such as
            `has no messages`, because messages to users put it after the position.
    """

    position: str
    reason: str


class NotNow(Unreadable, frozen=True):
    """A record that cannot be read now, because its program is writing it. It can be read later."""


class ReadElsewhere(Unreadable, frozen=True):
    """A record that is skipped, because the same conversation is read from another file."""


class WithoutContent(Unreadable, frozen=True):
    """A record of a conversation without any messages, which is skipped and only counted."""


Record: TypeAlias = SourceConversation | Unreadable
"""One record of a file: a conversation, or the reason why the record cannot be read."""
