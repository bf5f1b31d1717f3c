"""Carries out a write that can be repeated: a deletion, a cancellation, or a change of metadata.

Repeating such a write has no further effect, so it is sent again after any temporary failure. If
its outcome is still unclear, the object is read. If the object shows that the write took effect,
the call succeeds. If not, the call fails: with `outcome_unknown` if its request may still arrive
and take effect.
"""

from collections.abc import Callable

import anyio
from msgspec import Struct

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Call
from backscroll_tools.writes.journal import journal_of


def _can_always(_found: JSON | None) -> bool:
    return True


class IdempotentWrite(Struct, frozen=True):
    """A write that has no further effect if it is repeated.

    Attributes:
        tool: the name of the tool that was called.
        request: the request; `Request.repeatable` is True.
        retrieval: the request that reads the object.
        took_effect: returns whether the write took effect. It is called with the object, or with
            None if the object does not exist.
        doubt: what is unclear if no reply confirms the write, such as `thread_1 may have been
            deleted`.
        can_take_effect: returns whether the write can still take effect. It is called with the
            object, or with None if the object does not exist. By default, it always can.
    """

    tool: str
    request: Request
    retrieval: Request
    took_effect: Callable[[JSON | None], bool]
    doubt: str
    can_take_effect: Callable[[JSON | None], bool] = _can_always

    async def done(self, call: Call) -> JSON:
        """Carry out the write within the call's limits.

        Returns:
            The upstream's reply. If no reply has confirmed the write, but the object shows that
            the write took effect, this is the object; empty if the object does not exist.

        Raises:
            ToolError: `outcome_unknown` if the upstream may or may not have acted on the request,
                or may still do so. Any other code means that this call has changed nothing.
        """
        client = call.client
        journal = journal_of(client.shared)
        was_unclear = journal.is_unclear(self._name)
        client.in_doubt = False
        reply: JSON | None = None
        with anyio.CancelScope(deadline=call.ends_at):
            try:
                reply = await client.send(self.request)
            except ToolError as error:
                is_unclear = client.in_doubt or was_unclear
                if error.code == "not_found" and is_unclear and self.took_effect(None):
                    reply = {}
                elif error.code == "not_found" or not is_unclear:
                    raise
                else:
                    reply = await self._found(client)
                    # A 404 for a deleted object, if its text was lost on the way, is like one for
                    # a path that is not served. So it does not tell what an earlier call has done.
                    client.in_doubt |= error.code == "upstream_retired"
                    if reply is None and not client.in_doubt:
                        raise
        if reply is not None:
            client.in_doubt = False
            journal.note_clear(self._name)
            return reply
        if not client.in_doubt:
            raise ToolError(
                "deadline_exceeded",
                "The upstream did not answer within the call's time limit.",
                next_step="Call again.",
            )
        journal.note_unclear(self._name)
        raise ToolError(
            "outcome_unknown",
            f"The upstream's reply was lost: {self.doubt}.",
            next_step=f"Call {self.tool} again with the same arguments.",
            retry="safe with the same arguments: repeating the call has no further effect.",
        )

    async def _found(self, client: CallClient) -> JSON | None:
        """Return the object if it shows that the write took effect, or None if it does not.

        An object that does not exist is returned as an empty object. If the write can no longer
        take effect, `client.in_doubt` is set to False.
        """
        try:
            found = await client.find(self.retrieval)
        except ToolError:
            return None
        if self.took_effect(found):
            return found or {}
        client.in_doubt &= self.can_take_effect(found)
        return None

    @property
    def _name(self) -> str:
        """The name of the write in the journal. Writes with different effects differ in name."""
        return f"{self.request.endpoint} {self.request.path} {self.request.body}"
