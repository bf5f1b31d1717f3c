"""Sessions of the OpenAI Agents SDK."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from backscroll_tools.client.client import Client
from backscroll_tools.client.items import is_shown
from backscroll_tools.client.objects import SESSION
from backscroll_tools.models import JSON
from backscroll_tools.sessions.calls import DEADLINE_S
from backscroll_tools.sessions.frameworks import needs
from backscroll_tools.sessions.kept import kept, original_of
from backscroll_tools.sessions.opened import named

with needs("openai-agents"):
    from agents.memory import SessionSettings
    from agents.memory.session_settings import resolve_session_limit

if TYPE_CHECKING:
    from agents import TResponseInputItem

_FRAMEWORK: Final = "openai_agents"
_ADDED: Final = frozenset({"id", "created_at", SESSION})
"""The fields of another program's item that are not for a model. A model server refuses ids that it
has not created."""


class BackscrollSession:
    """A session whose items are kept in the embedded store (the SDK's protocol `Session`).

    Each item of the session is an item of the conversation, in the format of the Responses API,
    and comes back as it was added. Of items that other programs have added, the session returns
    messages, calls of tools and their outputs, without their ids.

    If `add_items` or `pop_item` fails, call it again with equal arguments: nothing is added or
    removed twice.

    Args:
        session_id: the name of the session, 1 to 512 characters; or the id of an existing
            conversation, `conv_…`.
        client: a client of the embedded store.
        session_settings: the SDK's settings; `limit` applies if `get_items` has no limit.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    def __init__(
        self,
        session_id: str,
        client: Client,
        session_settings: SessionSettings | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.session_id = session_id
        self.session_settings: SessionSettings | None = session_settings or SessionSettings()
        self._session = named(client, _FRAMEWORK, session_id, deadline_s)

    async def get_items(self, limit: int | None = None) -> "list[TResponseInputItem]":
        """Return the newest items, oldest first.

        Args:
            limit: the maximum number of items; None for the limit of `session_settings`, or all.

        Raises:
            ToolError: the items could not be read.
        """
        most = resolve_session_limit(limit, self.session_settings)
        if most is None:
            return _read(await self._session.items())
        newest = await self._session.items(max(most, 0), "desc")
        return _read(reversed(newest))

    async def add_items(self, items: "list[TResponseInputItem]") -> None:
        """Add items exactly once, in order.

        Raises:
            ToolError: perhaps only some items were added. Call again with the same items.
        """
        originals = [dict(cast("JSON", item)) for item in items]
        await self._session.add([kept(_FRAMEWORK, each, [each])[0] for each in originals])

    async def pop_item(self) -> "TResponseInputItem | None":
        """Remove the newest item and return it; None if the session is empty.

        Raises:
            ToolError: perhaps the item was removed. Call again: no second item is removed.
        """
        while (newest := await self._session.pop()) is not None:
            if found := _read([newest]):
                return found[0]
        return None

    async def clear_session(self) -> None:
        """Remove all items.

        Raises:
            ToolError: perhaps only some items were removed.
        """
        await self._session.clear()


def _read(items: Iterable[JSON]) -> "list[TResponseInputItem]":
    found: list[JSON] = []
    for item in items:
        original = original_of(_FRAMEWORK, item)
        if original is not None:
            found.append(original)
        elif is_shown(item):
            found.append({name: item[name] for name in item if name not in _ADDED})
    return cast("list[TResponseInputItem]", found)
