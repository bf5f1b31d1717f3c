"""Threads, conversations and stored completions whole, as they enter and leave the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backscroll.store.envelopes import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessage:
    """A message of a thread, as it is to stand there.

    Attributes:
        role: any role; the API itself creates `user` and `assistant` alone.
        content: text (which may be empty), or parts as the API gives them out. A text part whose
            `text` is a plain string is taken too.
        created_at: Unix seconds.
        id: kept when given, else a new one.
        metadata: pairs of text.
        attachments: `{"file_id", "tools"}` objects; a v1 `file_ids` entry is one with no tools.
        run_id: the run that made it.
        assistant_id: the assistant that made it.
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
        key: names the thread across imports: the same key is imported once.
        created_at: Unix seconds.
        messages: in thread order, whatever their times say.
        id: begins with `thread`; kept when given, else a new one.
        metadata: pairs of text.
        tool_resources: as the API gives them out.
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
        key: names the conversation across imports: the same key is imported once.
        created_at: Unix seconds.
        items: as the API takes them or gives them out, any number; an `id` is kept when given.
        id: begins with `conv`; kept when given, else a new one.
        metadata: pairs of text.
    """

    key: str
    created_at: int
    items: Sequence[JSON]
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCompletion:
    """A stored chat completion with the messages that went into it.

    Attributes:
        key: names the completion across imports: the same key is imported once.
        created_at: Unix seconds.
        model: the model that made it.
        choices: as the API gives them out; their messages are listed after the input.
        messages: the input, oldest first, as it was sent to the API.
        id: kept when given, else a new one.
        metadata: pairs of text.
        fields: what else the API's object has, such as `usage` and `service_tier`.
    """

    key: str
    created_at: int
    model: str
    choices: Sequence[JSON]
    messages: Sequence[JSON]
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: JSON = field(default_factory=dict)
