"""History providers of the Microsoft Agent Framework."""

from collections.abc import Sequence
from typing import Any, Final

from backscroll_tools.client.client import Client
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.sessions.calls import DEADLINE_S
from backscroll_tools.sessions.frameworks import needs
from backscroll_tools.sessions.kept import call, kept, message, objects, output, text_of
from backscroll_tools.sessions.opened import Sessions

with needs("agent-framework-core"):
    from agent_framework import Content, HistoryProvider, Message

_FRAMEWORK: Final = "agent_framework"
_ROLES: Final = frozenset({"user", "assistant", "system", "developer"})


class BackscrollHistoryProvider(HistoryProvider):
    """A history provider whose messages are kept in the embedded store.

    The texts, calls and results of a message become items of the conversation. The message comes
    back as `Message.from_dict` makes it from `Message.to_dict`, which leaves out its
    `raw_representation`. A message that another program has added is returned as text.

    If saving fails, save equal messages again: nothing is saved twice.

    Args:
        client: a client of the embedded store.
        source_id: identifies this provider among those of an agent.
        deadline_s: the maximum duration of one operation, in seconds.
        options: further arguments of `HistoryProvider`, such as `store_inputs`.
    """

    def __init__(
        self,
        client: Client,
        source_id: str = "backscroll",
        deadline_s: float = DEADLINE_S,
        **options: Any,  # noqa: ANN401 - those of the base class
    ) -> None:
        super().__init__(source_id, **options)
        self._sessions = Sessions(client, _FRAMEWORK, deadline_s)

    async def get_messages(
        self,
        session_id: str | None,
        *,
        state: JSON | None = None,  # noqa: ARG002 - nothing is kept in the framework's session
        **_others: Any,  # noqa: ANN401 - for other providers
    ) -> list[Message]:
        """Return the messages of a session, oldest first.

        Args:
            session_id: the session's id, 1 to 512 characters, or the id of an existing
                conversation, `conv_…`; None for no session, which has no messages.
            state: not used.

        Raises:
            ToolError: the messages could not be read.
        """
        if session_id is None:
            return []
        items = await self._sessions.named(session_id).items()
        return list(objects(_FRAMEWORK, items, Message.from_dict, _other))

    async def save_messages(
        self,
        session_id: str | None,
        messages: Sequence[Message],
        *,
        state: JSON | None = None,  # noqa: ARG002 - as above
        **_others: Any,  # noqa: ANN401 - as above
    ) -> None:
        """Add messages to a session exactly once, in order.

        Args:
            session_id: see `get_messages`.
            messages: the messages.
            state: not used.

        Raises:
            ToolError: perhaps only some messages were saved. Call again with equal messages.
            ValueError: `session_id` is None.
        """
        if session_id is None:
            missing = "session_id must be given: run the agent with a session."
            raise ValueError(missing)
        await self._sessions.named(session_id).add(
            [
                item
                for each in messages
                for item in kept(_FRAMEWORK, each.to_dict(), _readable(each))
            ]
        )


def _other(item: JSON) -> Message:
    return Message(item["role"], [text_of(item)])


def _readable(each: Message) -> list[JSON]:
    role = each.role if each.role in _ROLES else "user"
    return [item for content in each.contents for item in _items(role, content)]


def _items(role: str, content: Content) -> list[JSON]:
    match content.type:
        case "text":
            return message(role, content.text or "")
        case "function_call":
            given = content.arguments
            arguments = given if isinstance(given, str) else compact(given or {})
            return [call(content.name or "", arguments, content.call_id or "")]
        case "function_result":
            given = content.result
            text = given if isinstance(given, str) else compact(given)
            return [output(text, content.call_id or "")]
        case _:
            return []
