"""The fields of each kind of line in imported JSON Lines. `objects` writes such lines.

Sources of the fields: OpenAI's OpenAPI documents of 2024-04-15 and 2026-08-21 (`ThreadObject`,
`MessageObject`, `CreateChatCompletionResponse`, `Response`). `key` is Backscroll's own: it
identifies an entry across imports.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from backscroll.commands.transfer.formats.times import NOT_A_TIME, unix_seconds
from backscroll.store.archive.records import (
    ImportedItem,
)
from backscroll.store.bodies import FileId, Metadata
from backscroll.store.envelopes import JSON
from backscroll_tools.client.objects import ROLE


def _seconds(written: object) -> int:
    try:
        return unix_seconds(written)
    except ValueError:
        raise PydanticCustomError(NOT_A_TIME, "it is not a time") from None


Id = Annotated[str, StringConstraints(pattern=r"\A[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}\z")]
ImportKey = Annotated[str, Field(min_length=1, max_length=512)]
Seconds = Annotated[int, BeforeValidator(_seconds)]
_ROLES: Final = {
    **{role: role for role in ("user", "assistant", "system", "developer", "tool")},
    "human": "user",
    **dict.fromkeys(("ai", "bot", "gpt", "model"), "assistant"),
}
"""The roles of other programs, in lower case, and OpenAI's role for each."""

# A role must have the format `ROLE`. The MCP tools would show any other role as `unknown`.
Role = Annotated[
    str,
    StringConstraints(pattern=rf"\A{ROLE.pattern}\z"),
    AfterValidator(lambda role: _ROLES.get(role.lower(), role)),
]


def _check_content(content: object) -> object:
    if content is None:  # a message that only calls tools
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError("it must be text or an array of parts")  # noqa: TRY004 - pydantic expects a ValueError
    for index, part in enumerate(content):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise ValueError(f"part {index} must be an object with a type")  # noqa: TRY004 - pydantic expects a ValueError
        text = part.get("text")
        if isinstance(text, dict):
            text = text.get("value")
        if part["type"] == "text" and not isinstance(text, str):
            raise ValueError(f"part {index} must have text")
    return content


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _AttachmentLine(_Line):
    file_id: FileId | None = None
    tools: list[JSON] | None = None


class MessageLine(_Line):
    """A message of a thread."""

    role: Role
    content: Annotated[Any, AfterValidator(_check_content)]
    id: Id | None = None
    created_at: Seconds | None = None
    metadata: Metadata | None = None
    attachments: list[_AttachmentLine] | None = None
    file_ids: list[FileId] | None = None
    run_id: Id | None = None
    assistant_id: Id | None = None
    status: Literal["in_progress", "incomplete", "completed"] = "completed"
    incomplete_at: Seconds | None = None
    incomplete_details: JSON | None = None
    key: ImportKey | None = None
    # The fields below are accepted but ignored, because other fields already say the same.
    object: Literal["thread.message"] = "thread.message"
    thread_id: str | None = None
    completed_at: Seconds | None = None

    def attached(self) -> list[JSON]:
        """Return the attachments, including the `file_ids` of the API's first version."""
        given = [item.model_dump(exclude_unset=True) for item in self.attachments or ()]
        return given + [{"file_id": file_id, "tools": []} for file_id in self.file_ids or ()]


class ThreadLine(_Line):
    """A thread with all its messages, oldest first."""

    messages: list[MessageLine]
    object: Literal["thread"] = "thread"
    id: Id | None = None
    key: ImportKey | None = None
    created_at: Seconds | None = None
    metadata: Metadata | None = None
    tool_resources: JSON | None = None
    # The fields below are ignored, because they can be derived from the messages.
    message_count: int | None = None
    last_message_at: Seconds | None = None


class ItemLine(BaseModel):
    """An item of a conversation. The store validates all fields that are not declared here."""

    model_config = ConfigDict(strict=True, extra="allow")

    created_at: Seconds | None = None
    import_key: ImportKey | None = None


class ConversationLine(_Line):
    """A conversation with all its items, oldest first."""

    items: list[ItemLine]
    last_active_at: Seconds | None = None
    object: Literal["conversation"] = "conversation"
    id: Id | None = None
    key: ImportKey | None = None
    created_at: Seconds | None = None
    metadata: Metadata | None = None


class _ChatMessage(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    role: Role


class _Choice(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    message: _ChatMessage


class CompletionLine(BaseModel):
    """A stored chat completion. `messages` contains its input. Unknown fields are kept."""

    model_config = ConfigDict(strict=True, extra="allow")

    choices: Annotated[list[_Choice], Field(min_length=1)]
    model: Annotated[str, Field(min_length=1, max_length=256)]
    messages: list[_ChatMessage] = []
    object: Literal["chat.completion"] = "chat.completion"
    id: Id | None = None
    key: ImportKey | None = None
    created: Seconds | None = None
    metadata: Metadata | None = None


class ResponseLine(BaseModel):
    """A response. Unknown fields are kept.

    `input` or `input_items` contains its input, without the items of previous responses. If both
    are given, `input_items` is used.
    """

    model_config = ConfigDict(strict=True, extra="allow")

    output: list[JSON]
    object: Literal["response"]
    input: str | list[JSON] | None = None
    input_items: list[JSON] | None = None
    id: Id | None = None
    key: ImportKey | None = None
    created_at: Seconds | None = None
    metadata: Metadata | None = None

    def own_input(self) -> list[JSON]:
        """Return the items of the input. If the input is text, it becomes one user message."""
        if self.input_items is not None:
            return self.input_items
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return self.input or []


def imported_item(line: ItemLine, found: JSON) -> ImportedItem:
    """Return an item to import, with the time and the key from `line`.

    Args:
        line: the parsed fields of the item.
        found: the item as it was read. All fields that `ItemLine` does not declare are kept.
    """
    own = {name: value for name, value in found.items() if name not in ItemLine.model_fields}
    return ImportedItem(own, created_at=line.created_at, key=line.import_key)
