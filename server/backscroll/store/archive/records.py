"""Whole threads, conversations and stored completions, for import and export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backscroll.store.envelopes import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessage:
    """A message of a thread.

    Attributes:
        role: any role; the API itself only creates `user` and `assistant`.
        content: text (which may be empty), or parts as the API returns them. A text part whose
            `text` is a plain string is accepted too.
        created_at: Unix seconds.
        id: kept if given; None for a new one.
        metadata: pairs of text.
        attachments: `{"file_id", "tools"}` objects; a v1 `file_ids` entry has no tools.
        run_id: the run that created it.
        assistant_id: the assistant that created it.
        status: `completed`, `incomplete` or `in_progress`.
        incomplete_at: Unix seconds.
        incomplete_details: `{"reason"}`.
    """

    role: str
    content: str | Sequence[JSON]
    created_at: int
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[JSON] = ()
    run_id: str | None = None
    assistant_id: str | None = None
    status: str = "completed"
    incomplete_at: int | None = None
    incomplete_details: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedThread:
    """A thread with all its messages, oldest first.

    Attributes:
        key: identifies the thread across imports; each key is imported once.
        created_at: Unix seconds.
        messages: in thread order, whatever their times are.
        id: begins with `thread`, and is kept; None for a new one.
        metadata: pairs of text.
        tool_resources: as the API returns them.
    """

    key: str
    created_at: int
    messages: Sequence[ImportedMessage]
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tool_resources: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConversation:
    """A conversation with all its items, oldest first.

    Attributes:
        key: identifies the conversation across imports; each key is imported once.
        created_at: Unix seconds.
        items: as the API accepts or returns them, any number; an item's `id` is kept.
        id: begins with `conv`, and is kept; None for a new one.
        metadata: pairs of text.
    """

    key: str
    created_at: int
    items: Sequence[JSON]
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCompletion:
    """A stored chat completion with its input messages.

    Attributes:
        key: identifies the completion across imports; each key is imported once.
        created_at: Unix seconds.
        model: the model that created it.
        choices: as the API returns them; their messages are listed after the input.
        messages: the input, oldest first, as it was sent to the API.
        id: kept if given; None for a new one.
        metadata: pairs of text.
        fields: other fields of the API's object, such as `usage` and `service_tier`.
    """

    key: str
    created_at: int
    model: str
    choices: Sequence[JSON]
    messages: Sequence[JSON]
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: JSON = field(default_factory=dict)
