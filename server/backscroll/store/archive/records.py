"""Whole threads, conversations, stored completions and responses, for import and export."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:  # its import is slow, and a sync with nothing new imports this module
    from backscroll.store.envelopes import JSON


class ImportedMessage(Struct, frozen=True, kw_only=True):
    """A message of a thread.

    Attributes:
        role: any string; the API itself only creates messages with `user` and `assistant`.
        content: a string, which can be empty, or a list of parts as the API returns them. The
            `text` of a text part can be a plain string.
        created_at: in Unix seconds.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
        attachments: objects with `file_id` and `tools`. If a file was attached through `file_ids`
            in the API's first version, its `tools` is empty.
        run_id: the id of the run that created the message, or None.
        assistant_id: the id of the assistant that created the message, or None.
        status: `completed`, `incomplete` or `in_progress`.
        incomplete_at: in Unix seconds, or None.
        incomplete_details: an object with `reason`, or None.
        key: identifies the message across imports of its thread; at most 512 characters. If it is
            None, the `id` identifies the message, or the position in `messages` if it has no `id`.
    """

    role: str
    content: "str | Sequence[JSON]"
    created_at: int
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    attachments: "Sequence[JSON]" = ()
    run_id: str | None = None
    assistant_id: str | None = None
    status: str = "completed"
    incomplete_at: int | None = None
    incomplete_details: "JSON | None" = None
    key: str | None = None


def numbered_key(number: int) -> str:
    """Return the import key of a message or item that was imported without a key and an id.

    Args:
        number: its position in its thread or conversation, from 1.
    """
    return f"#{number}"


class ImportedThread(Struct, frozen=True, kw_only=True):
    """A thread with all its messages, oldest first.

    Attributes:
        key: identifies the thread across imports. A thread that was imported before is updated.
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
    tool_resources: "JSON | None" = None


class ImportedItem(Struct, frozen=True):
    """An item of a conversation.

    Attributes:
        item: the item, as the API accepts or returns it. If it has an id, the id is kept.
        created_at: in Unix seconds; None if it is not known.
        key: identifies the item across imports of its conversation; at most 512 characters. If it
            is None, the item's id identifies it, or the position in `items` if it has no id.
    """

    item: "JSON"
    created_at: int | None = None
    key: str | None = None


class ImportedConversation(Struct, frozen=True, kw_only=True):
    """A conversation with all its items, oldest first.

    Attributes:
        key: identifies the conversation across imports, such as `claude-code:` followed by the
            conversation's id in the source. A conversation that was imported before is updated.
        created_at: in Unix seconds.
        items: the items, in the order of the source.
        last_active_at: when items were last added, in Unix seconds; None stands for `created_at`.
        updated_at: when the source last changed the conversation, in Unix seconds; None if unknown.
            The latest of `updated_at`, `last_active_at` and the times of `items` tells how new the
            import is. If an earlier import was newer, and `is_tail` is false, this import changes
            nothing, because it has an older state of the source.
        id: the id to store, which begins with `conv`; None to create an id.
        metadata: string keys and values. Only the first 16 pairs are stored. Names are cut to 64
            characters, and values to 512.
        is_tail: whether `items` are only the last items of the conversation, because earlier ones
            were imported before. If so, stored items that `items` lacks are kept, and each item
            needs a `key` or an id.
    """

    key: str
    created_at: int
    items: Sequence[ImportedItem]
    last_active_at: int | None = None
    updated_at: int | None = None
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_tail: bool = False


class ImportedCompletion(Struct, frozen=True, kw_only=True):
    """A stored chat completion with its input messages.

    Attributes:
        key: identifies the completion across imports; each key is imported once. None if it is not
            imported, but was recorded when a model created it.
        created_at: in Unix seconds.
        model: the model that created it.
        choices: the model's answers, as the API returns them. The endpoint that lists the
            completion's messages returns `messages`, and then the messages of these choices.
        messages: the input messages, oldest first, as they were sent to the API.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
        fields: the other fields of the completion, such as `usage` and `service_tier`.
    """

    key: str | None
    created_at: int
    model: str
    choices: "Sequence[JSON]"
    messages: "Sequence[JSON]"
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: "JSON" = field(default_factory=dict)


class ImportedResponse(Struct, frozen=True, kw_only=True):
    """A response with its input.

    Attributes:
        key: identifies the response across imports; each key is imported once. None if it is not
            imported, but was recorded when a model created it.
        created_at: in Unix seconds.
        input: the items of its input, without those of previous responses, oldest first, as they
            were sent to the API or as the API returns them. An item that has an id keeps it.
        output: the items of its output, as the API returns them.
        id: the id to keep; None for a new one.
        metadata: string keys and values.
        fields: the other fields of the response, such as `model`, `usage` and
            `previous_response_id`.
        continues: the id of the response that it continues, if `fields` do not name one because the
            client sent the history again; None otherwise.
    """

    key: str | None
    created_at: int
    input: "Sequence[JSON]"
    output: "Sequence[JSON]"
    id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: "JSON" = field(default_factory=dict)
    continues: str | None = None


ImportKind: TypeAlias = Literal["imported", "updated", "present", "forgotten", "refused"]
"""What an import did with a thread, conversation, completion or response.

`imported`: it is new. `updated`: it was in the store already, and has been changed. `present`: it
was in the store already, and is unchanged. `forgotten`: it was erased from the store, and stays
erased. `refused`: it cannot be stored.
"""


class ImportOutcome(Struct, frozen=True, kw_only=True):
    """What an import did with one thread, conversation, completion or response.

    Attributes:
        kind: see `ImportKind`.
        id: its id in the store; empty if it is not in the store.
        added: the number of its messages or items that are new.
        replaced: the number of its messages or items that changed.
        written: the import keys of its messages or items that are new or changed; of those without
            a key, the ids.
        removed: the number of its messages or items that were erased, because its source no longer
            has them.
        repaired: how many NUL characters and lone surrogates became U+FFFD.
        reason: why it was refused; empty if it was not.
    """

    kind: ImportKind
    id: str = ""
    added: int = 0
    replaced: int = 0
    removed: int = 0
    repaired: int = 0
    reason: str = ""
    written: frozenset[str | None] = frozenset()


class Watermark(Struct, frozen=True, kw_only=True):
    """How far a source file was imported.

    Attributes:
        path: the path of the file, or another name that identifies the source.
        size: its size in bytes.
        mtime_ns: when it was last modified, in Unix nanoseconds.
        inode: its inode number; None if it has none.
        state: text that a reader of the file needs in order to continue at this point; None if it
            needs no text.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int | None = None
    state: str | None = None


class Selection(Struct, frozen=True, kw_only=True):
    """Selects the threads, conversations, completions and responses that meet all conditions.

    Attributes:
        ids: their ids; empty for any id.
        source: the value of `source` in their metadata, or the program from which they were
            imported; empty for any source.
        project: the value of `project` in their metadata, or a folder above it; empty for any
            project. A slash at the end is ignored.
        before_s: the time before which they were last active, in Unix seconds; None for any time.
    """

    ids: Sequence[str] = ()
    source: str = ""
    project: str = ""
    before_s: int | None = None


ForgetKind: TypeAlias = Literal["thread", "conversation", "chat completion", "response"]


class Forgettable(Struct, frozen=True, kw_only=True):
    """A thread, conversation, completion or response that can be forgotten.

    Attributes:
        kind: `thread`, `conversation`, `chat completion` or `response`.
        id: its id.
        title: the title in its metadata; empty if it has none.
        messages: how many messages it has; 0 if they were not counted yet. Of a completion, only
            the input messages are counted.
        last_active_at: when it was last active, in Unix seconds.
        project: the project in its metadata; empty if it has none.
        import_key: its import key; None if it was created through the API.
    """

    kind: ForgetKind
    id: str
    title: str
    messages: int
    last_active_at: int
    project: str = ""
    import_key: str | None = None


class ForgetOutcome(Struct, frozen=True, kw_only=True):
    """What was forgotten.

    Attributes:
        erased: the number of threads, conversations, completions and responses that were erased.
        is_log_empty: whether the database's write-ahead log has no erased content either. False on
            PostgreSQL, and on SQLite if another process was reading.
    """

    erased: int
    is_log_empty: bool
