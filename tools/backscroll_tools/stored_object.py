"""A stored completion or a response, which contains its output and perhaps its input."""

from collections.abc import Sequence
from dataclasses import dataclass

from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError
from backscroll_tools.client.oversized import why_omitted
from backscroll_tools.client.requests import ID, Request
from backscroll_tools.collections import Collection
from backscroll_tools.errors import ToolError
from backscroll_tools.fixed_list import WholeList
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A stored completion or a response, which contains its output and perhaps its input.

    Attributes:
        client: sends the requests.
        collection: the kind of collection.
        owner: the id of the completion or the response.
        retrieval: the request for the completion or the response.
    """

    client: CallClient
    collection: Collection
    owner: str
    retrieval: Request

    def input(self, raw: JSON) -> list[tuple[str, JSON]]:
        """Return the input that the object contains, oldest first: pairs of a key and an object."""
        rows = _named(self.collection.input_of(raw), f"{self.owner}-")
        return [(row["id"], row) for _, row in rows]

    def output(self, raw: JSON) -> list[tuple[str, JSON]]:
        """Return the output that the object contains, like `input`. Its keys are ours."""
        rows = self.collection.output_of(raw)
        return _named(rows, f"{self.owner}{self.collection.output_mark}")

    async def find(self, item_id: str, lookup: Lookup, whole: WholeList | None) -> JSON | None:
        """Return an object of the input or the output by its id; None if neither contains it.

        Args:
            item_id: the object's id.
            lookup: finds an object of the list.
            whole: the list, if it can be read whole; None if it can only be read in pages.

        Raises:
            ToolError: the upstream's failure; `not_found` if it does not know the completion or
                the response.
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
        """Return the object, or an empty one if the upstream serves only its list of messages.

        If the object is too large to read, return one with a single message of output. The
        message's `omitted` says that the content was too large.

        Args:
            required: whether to raise `not_found` if the object does not exist.
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
    """Return objects with keys that we assign. An object without a valid id has its key as id."""
    named: list[tuple[str, JSON]] = []
    for index, row in enumerate(rows):
        own, key = row.get("id"), f"{prefix}{index}"
        is_valid = isinstance(own, str) and ID.fullmatch(own) is not None
        named.append((key, row if is_valid else {**row, "id": key}))
    return named
