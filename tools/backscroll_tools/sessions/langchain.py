"""Chat message histories of LangChain."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import anyio.from_thread

from backscroll_tools.client.client import Client
from backscroll_tools.client.connections import Connections
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.sessions.calls import DEADLINE_S
from backscroll_tools.sessions.frameworks import needs
from backscroll_tools.sessions.kept import call, kept, message, objects, output, text_of
from backscroll_tools.sessions.opened import named
from backscroll_tools.sessions.session import Session

with needs("langchain-core"):
    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.messages import (
        AIMessage,
        BaseMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
        message_to_dict,
        messages_from_dict,
    )

_FRAMEWORK: Final = "langchain"
_ROLES: Final = {"human": "user", "ai": "assistant", "system": "system"}
_TYPES: Final = {"user": HumanMessage, "assistant": AIMessage}

T = TypeVar("T")


class BackscrollChatMessageHistory(BaseChatMessageHistory):
    """A history whose messages are kept in the embedded store.

    Each message becomes a message of the conversation, and each of its tool calls an item. It comes
    back as it was added. A message that another program has added is returned as text.

    If adding fails, add equal messages again: nothing is added twice.

    The asynchronous methods use `client`. The synchronous ones connect to the same store by
    themselves, so they need a store over HTTP, and may be called from any thread.

    Args:
        session_id: the name of the session, 1 to 512 characters; or the id of an existing
            conversation, `conv_…`.
        client: a client of the embedded store.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    def __init__(self, session_id: str, client: Client, deadline_s: float = DEADLINE_S) -> None:
        super().__init__()
        self.session_id = session_id
        self._session = named(client, _FRAMEWORK, session_id, deadline_s)

    @property
    def messages(  # type: ignore[override, unused-ignore]  # as LangChain shows it
        self,
    ) -> list[BaseMessage]:
        """The messages, oldest first."""
        return self._blocking(_read)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages exactly once, in order."""
        self._blocking(lambda session: session.add(_items(messages)))

    def clear(self) -> None:
        """Remove all messages."""
        self._blocking(Session.clear)

    async def aget_messages(self) -> list[BaseMessage]:
        """Return the messages, oldest first."""
        return await _read(self._session)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages exactly once, in order."""
        await self._session.add(_items(messages))

    async def aclear(self) -> None:
        """Remove all messages."""
        await self._session.clear()

    def _blocking(self, operation: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """Return the result of an operation on the session, in another thread and event loop."""
        upstream, reply_bytes = self._session.client.upstream, self._session.client.reply_bytes
        if upstream.in_process:
            raise invalid_arguments(
                "The synchronous methods need a store over HTTP.",
                "Use the asynchronous methods, or start `backscroll store`.",
            )

        async def connected() -> T:
            async with Connections() as http:
                client = Client(http, upstream, reply_bytes=reply_bytes)
                return await operation(self._session.through(client))

        with anyio.from_thread.start_blocking_portal() as portal:
            return portal.call(connected)


async def _read(session: Session) -> list[BaseMessage]:
    return list(objects(_FRAMEWORK, await session.items(), _message, _other))


def _message(original: JSON) -> BaseMessage:
    message: BaseMessage = messages_from_dict([original])[0]
    return message


def _other(item: JSON) -> BaseMessage:
    message: BaseMessage = _TYPES.get(item["role"], SystemMessage)(content=text_of(item))
    return message


def _items(messages: Sequence[BaseMessage]) -> list[JSON]:
    return [
        item
        for each in messages
        for item in kept(_FRAMEWORK, message_to_dict(each), _readable(each))
    ]


def _readable(each: BaseMessage) -> list[JSON]:
    text = str(each.text)
    if isinstance(each, ToolMessage):
        return [output(text, each.tool_call_id)]
    calls = each.tool_calls if isinstance(each, AIMessage) else []
    return [
        *message(_ROLES.get(each.type, "user"), text),
        *(call(asked["name"], compact(asked["args"]), asked["id"] or "") for asked in calls),
    ]
