"""JSON values by name, in a conversation of their own. The newest value of a name counts.

Each change is an item. A change that later ones have replaced is deleted.
"""

import math
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from backscroll_tools.models import JSON
from backscroll_tools.sessions.session import Session

_VALUES: Final = "values"
_NEWEST: Final = 100
"""The number of changes that are read at first, and among which those that were replaced are
deleted."""


class Values(Struct, frozen=True):
    """Values that several programs may change at the same time: none of the changes is lost.

    Attributes:
        session: the conversation that contains the values, and nothing else.
    """

    session: Session

    async def all(self) -> JSON:
        """Return the value of each name."""
        found: JSON = {}
        for item in await self.session.items():
            found |= item[_VALUES]
        return found

    async def update(self, changes: Mapping[str, object], token: str = "") -> None:
        """Set the values of some names, in one step.

        Args:
            changes: the new values, which are JSON.
            token: identifies the change; see `Session.add`.
        """
        if not changes:
            return
        await self.session.add([{"type": "session_values", _VALUES: dict(changes)}], token)
        newer: set[str] = set()
        for item in await self.session.items(_NEWEST, "desc"):
            if newer.issuperset(item[_VALUES]):
                await self.session.remove(item["id"])
            newer.update(item[_VALUES])

    async def get(self, name: str) -> object:
        """Return the value of a name; None if it does not exist."""
        for limit in (_NEWEST, math.inf):
            for item in await self.session.items(limit, "desc"):
                if name in item[_VALUES]:
                    return item[_VALUES][name]
        return None

    async def remove(self, name: str) -> None:
        """Remove a value that was set by itself."""
        for item in await self.session.items():
            if item[_VALUES].keys() == {name}:
                await self.session.remove(item["id"])
