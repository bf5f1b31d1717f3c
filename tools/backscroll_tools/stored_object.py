"""A stored completion or a response: it contains its output and perhaps its input."""

from collections.abc import Sequence

from msgspec import Struct

from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError
from backscroll_tools.client.oversized import why_omitted
from backscroll_tools.client.requests import ID, Request
from backscroll_tools.collection import Collection
from backscroll_tools.errors import ToolError
from backscroll_tools.fixed_list import WholeList
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON


class StoredObject(Struct, frozen=True):
    """A stored completion or a response: it contains its output and perhaps its input.

    Attributes:
        client: sends the requests.
        collection: `COMPLETION` or `RESPONSE`.
        owner: the id of the completion or the response.
        retrieval: the request for the completion or the response.
    """

    client: CallClient
    collection: Collection
    owner: str
    retrieval: Request

    def input(self, raw: JSON) -> list[tuple[str, JSON]]:
        """Return the objects of the input, oldest first, each with its id as key.

        Args:
            raw: the completion or the response, in the upstream's format.
        """
        rows = _named(self.collection.input_of(raw), f"{self.owner}-")
        return [(row["id"], row) for _, row in rows]

    def output(self, raw: JSON) -> list[tuple[str, JSON]]:
        """Return the objects of the output, oldest first, each with a key that we assign.

        Args:
            raw: the completion or the response, in the upstream's format.
        """
        rows = self.collection.output_of(raw)
        return _named(rows, f"{self.owner}{self.collection.output_mark}")

    async def find(self, item_id: str, lookup: Lookup, whole: WholeList | None) -> JSON | None:
        """Return an object of the input or the output by its id; None if neither contains it.

        Args:
            item_id: the object's id.
            lookup: finds an object in the upstream's list of messages.
            whole: this list, if it can be read whole; None if it can only be read in pages.

        Raises:
            ToolError: the upstream's failure, except `not_found`.
        """
        try:
            if self.collection.output_mark not in item_id:
                reply = None if whole is None else await whole.read()
                if reply is None:
                    found = await lookup.get(item_id)
                else:
                    found = next((raw for raw in reply.items if raw["id"] == item_id), None)
                if found is not None:
                    return found
        except ToolError as error:
            if error.code not in {"not_found", "upstream_retired"}:
                raise
        raw = await self.retrieved()
        rows = [*self.input(raw), *self.output(raw)]
        return next((row for _, row in rows if row["id"] == item_id), None)

    async def retrieved(self, *, required: bool = False) -> JSON:
        """Return the completion or the response, or an empty object if it does not exist.

        The object is also empty if the upstream serves only the list of its messages. If the
        object is too large to read, its output is a single message, whose `omitted` says so.

        Args:
            required: whether to raise `not_found` if the completion or the response does not exist.
                If False, an empty object is returned.
        """
        try:
            if required:
                return await self.client.send(self.retrieval)
            return await self.client.find(self.retrieval) or {}
        except ExchangeError as error:
            if error.too_large:
                omitted = why_omitted(error, self.client.shared.reply_bytes)
                message = {"role": "assistant", OMITTED: omitted}
                return {"choices": [{"message": message}], "output": [message]}
            if error.code == "upstream_retired":
                return {}
            raise


def _named(rows: Sequence[JSON], prefix: str) -> list[tuple[str, JSON]]:
    """Return objects with keys that we assign. If an object has no valid id, its key is its id."""
    named: list[tuple[str, JSON]] = []
    for index, row in enumerate(rows):
        own, key = row.get("id"), f"{prefix}{index}"
        is_valid = isinstance(own, str) and ID.fullmatch(own) is not None
        named.append((key, row if is_valid else {**row, "id": key}))
    return named
