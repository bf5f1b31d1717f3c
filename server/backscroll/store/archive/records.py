"""Whole threads, conversations and stored completions, for import and export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backscroll.store.envelopes import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessage:
    """A message of a thread.

    Attributes:
        role: any string; the API itself only creates messages with `user` and `assistant`.
        content: a string, which can be empty, or a list of parts as the API returns them. The
            `text` of a text part can be a plain string.
        created_at: in Unix seconds.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
        attachments: objects with `file_id` and `tools`. For a file from the first API version's
            `file_ids`, `tools` is empty.
        run_id: the id of the run that created the message, or None.
        assistant_id: the id of the assistant that created the message, or None.
        status: `completed`, `incomplete` or `in_progress`.
        incomplete_at: in Unix seconds, or None.
        incomplete_details: an object with `reason`, or None.
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
        messages: the messages, in the order of the thread. Their times may be in a different order.
        id: the id to store, which begins with `thread`; None to create an id.
        metadata: string keys and values.
        tool_resources: the files and vector stores of the thread's tools, as the API returns them.
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
        items: the items, as the API accepts or returns them. If an item has an id, it is kept.
        last_active_at: when items were last added, in Unix seconds; None if that is `created_at`.
        id: the id to store, which begins with `conv`; None to create an id.
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
        choices: the model's answers, as the API returns them. The list of the completion's messages
            ends with the messages of these choices.
        messages: the input messages, oldest first, as they were sent to the API.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
        fields: the other fields of the completion, such as `usage` and `service_tier`.
    """

    key: str
    created_at: int
    model: str
    choices: Sequence[JSON]
    messages: Sequence[JSON]
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: JSON = field(default_factory=dict)
