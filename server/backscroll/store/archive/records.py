"""Whole threads, conversations and stored completions, for import and export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backscroll.store.envelopes import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessage:
    """A message of a thread.

    Attributes:
        role: any role; the API itself only creates `user` and `assistant`.
        content: a string (which can be empty), or parts as the API returns them. The `text` of a
            text part can also be a plain string.
        created_at: in Unix seconds.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
        attachments: `{"file_id", "tools"}` objects; `tools` is empty for a v1 `file_ids` entry.
        run_id: the id of the run that created it, or None.
        assistant_id: the id of the assistant that created it, or None.
        status: `completed`, `incomplete` or `in_progress`.
        incomplete_at: in Unix seconds, or None.
        incomplete_details: `{"reason"}`, or None.
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
        created_at: in Unix seconds.
        messages: in thread order, which need not be the order of their times.
        id: the id to keep, which begins with `thread`; None for a new one.
        metadata: string keys and values.
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
        created_at: in Unix seconds.
        items: any number, as the API accepts or returns them; their ids are kept.
        last_active_at: when items were last added, in Unix seconds; None if that is `created_at`.
        id: the id to keep, which begins with `conv`; None for a new one.
        metadata: string keys and values.
    """

    key: str
    created_at: int
    items: Sequence[JSON]
    last_active_at: int | None = None
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCompletion:
    """A stored chat completion with its input messages.

    Attributes:
        key: identifies the completion across imports; each key is imported once.
        created_at: in Unix seconds.
        model: the model that created it.
        choices: as the API returns them; their messages are the last ones in the list of messages.
        messages: the input, oldest first, as it was sent to the API.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
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
