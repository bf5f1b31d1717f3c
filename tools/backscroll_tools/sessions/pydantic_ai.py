"""Message histories of Pydantic AI."""

import json
from collections.abc import Sequence
from typing import Final

from backscroll_tools.client.client import Client
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.sessions.calls import DEADLINE_S
from backscroll_tools.sessions.frameworks import needs
from backscroll_tools.sessions.kept import call, kept, message, objects, output, text_of
from backscroll_tools.sessions.opened import named

with needs("pydantic-ai-slim"):
    from pydantic_ai.messages import (
        BaseToolCallPart,
        BaseToolReturnPart,
        ModelMessage,
        ModelMessagesTypeAdapter,
        ModelRequest,
        ModelRequestPart,
        ModelResponse,
        ModelResponsePart,
        RetryFeedbackPart,
        SystemPromptPart,
        TextContent,
        TextPart,
        UserPromptPart,
    )

_FRAMEWORK: Final = "pydantic_ai"


class BackscrollHistory:
    """The messages of a conversation with an agent, kept in the embedded store.

    Before a run, pass `await history.messages()` as its `message_history`. After it, call
    `await history.add(result.new_messages())`.

    Each part of a message becomes an item of the conversation. The messages come back as they were
    added. A message that another program has added is returned as text.

    If adding fails, add equal messages again: nothing is added twice.

    Args:
        session_id: the name of the session, 1 to 512 characters; or the id of an existing
            conversation, `conv_…`.
        client: a client of the embedded store.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    def __init__(self, session_id: str, client: Client, deadline_s: float = DEADLINE_S) -> None:
        self._session = named(client, _FRAMEWORK, session_id, deadline_s)

    async def messages(self) -> list[ModelMessage]:
        """Return the messages, oldest first.

        Raises:
            ToolError: the messages could not be read.
        """
        return list(objects(_FRAMEWORK, await self._session.items(), _message, _other))

    async def add(self, messages: Sequence[ModelMessage]) -> None:
        """Add messages exactly once, in order.

        Raises:
            ToolError: perhaps only some messages were added. Call again with equal messages.
        """
        originals = json.loads(ModelMessagesTypeAdapter.dump_json(list(messages)))
        await self._session.add(
            [
                item
                for original, each in zip(originals, messages, strict=True)
                for item in kept(_FRAMEWORK, original, _readable(each))
            ]
        )

    async def clear(self) -> None:
        """Remove all messages.

        Raises:
            ToolError: perhaps only some messages were removed.
        """
        await self._session.clear()


def _message(original: JSON) -> ModelMessage:
    # Binary content is base64 in JSON, and only there.
    return ModelMessagesTypeAdapter.validate_json(compact([original]))[0]


def _other(item: JSON) -> ModelMessage:
    text = text_of(item)
    if item["role"] == "assistant":
        return ModelResponse([TextPart(text)])
    is_user = item["role"] == "user"
    return ModelRequest([UserPromptPart(text) if is_user else SystemPromptPart(text)])


def _readable(each: ModelMessage) -> list[JSON]:
    return [item for part in each.parts for item in _items(part)]


def _items(part: ModelRequestPart | ModelResponsePart) -> list[JSON]:
    match part:
        case SystemPromptPart():
            return message("system", part.content)
        case UserPromptPart():
            return message("user", *_texts(part))
        case RetryFeedbackPart():
            return message("user", part.model_response())
        case TextPart():
            return message("assistant", part.content)
        case BaseToolCallPart():
            return [call(part.tool_name, part.args_as_json_str(), part.tool_call_id)]
        case BaseToolReturnPart():
            return [output(part.model_response_str(), part.tool_call_id)]
        case _:
            return []


def _texts(part: UserPromptPart) -> list[str]:
    given = [part.content] if isinstance(part.content, str) else part.content
    texts = [each.content if isinstance(each, TextContent) else each for each in given]
    return [text for text in texts if isinstance(text, str)]
