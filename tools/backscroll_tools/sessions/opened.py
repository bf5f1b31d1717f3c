"""The sessions that an adapter uses: by name, and several at a time."""

from collections import OrderedDict
from typing import Final

from msgspec import Struct, field

from backscroll_tools.client.client import Client
from backscroll_tools.render import compact
from backscroll_tools.sessions.calls import DEADLINE_S
from backscroll_tools.sessions.labels import Labels, labels_of
from backscroll_tools.sessions.session import Session

_KEPT: Final = 1_000
"""The number of sessions whose conversations and failed additions an adapter remembers."""


def named(client: Client, framework: str, name: str, deadline_s: float) -> Session:
    """Return the session with a name, or the one in a conversation if the name is its id.

    Args:
        client: a client of the embedded store.
        framework: the framework that the session belongs to.
        name: the name of the session, 1 to 512 characters, or the id of a conversation, `conv_…`.
        deadline_s: the maximum duration of one operation, in seconds.

    Raises:
        ToolError: `invalid_arguments` if the name is empty or too long.
    """
    if name.startswith("conv_"):
        return Session(client, {}, name, deadline_s)
    return Session(client, labels_of(framework, session=name), deadline_s=deadline_s)


class Sessions(Struct):
    """The sessions of an adapter that serves many of them.

    Attributes:
        client: a client of the embedded store.
        framework: the framework that the sessions belong to.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    client: Client
    framework: str
    deadline_s: float = DEADLINE_S
    _used: OrderedDict[str, Session] = field(default_factory=OrderedDict)

    def named(self, name: str) -> Session:
        """Return the session with a name; see the function `named`."""
        return self._kept(named(self.client, self.framework, name, self.deadline_s))

    def labelled(self, labels: Labels) -> Session:
        """Return the session whose conversation has these labels."""
        return self._kept(Session(self.client, labels, deadline_s=self.deadline_s))

    def _kept(self, session: Session) -> Session:
        key = f"{session.conversation_id} {compact(dict(session.labels))}"
        kept = self._used.setdefault(key, session)
        self._used.move_to_end(key)
        if len(self._used) > _KEPT:
            self._used.popitem(last=False)
        return kept
