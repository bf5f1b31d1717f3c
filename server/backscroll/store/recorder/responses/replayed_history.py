"""Recognises a history that a client sends again, so that it is not stored again.

Clients such as Codex send their whole history with every request. An earlier response is recognised
if the input begins with exactly its whole input and output, apart from what such clients change.
Then only the rest is stored, as the input of a response that continues the earlier one. What the
model server gets does not change.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.assembling.lenient_json import parse_object

_RECENT: Final = 10_000
"""The number of responses that are recognised, of those that this process recorded last."""

_REASONING: Final = "reasoning"
_NOT_COMPARED: Final = frozenset({"id", "status"})
_OPTIONAL: Final = frozenset({"annotations", "logprobs", "type", "phase"})
"""Fields of messages and their parts that clients leave out when they send them again."""

_INTERNAL: Final = "internal_"
"""What names of fields begin with that Codex adds to the items of its own provider."""


class ReplayedHistory:
    """The histories of recent responses.

    Args:
        recent: how many of them are remembered.
    """

    def __init__(self, recent: int = _RECENT) -> None:
        self._recent = recent
        self._known: OrderedDict[tuple[str, bytes], str] = OrderedDict()

    def found(self, partition: str, items: Sequence[JSON]) -> tuple[str | None, int]:
        """Return the latest response whose history `items` begin with, and how many of them it has.

        Not all items belong to it: a request has at least one new item. If there is no such
        response, the result is None and 0.
        """
        latest: tuple[str | None, int] = (None, 0)
        earlier = items[:-1]
        for count, (item, digest) in enumerate(zip(earlier, _digests(earlier), strict=True), 1):
            known = self._known.get((partition, digest))
            if known is not None and item.get("type") != _REASONING:
                latest = (known, count)
        return latest

    def add(self, partition: str, items: Sequence[JSON], response_id: str) -> None:
        """Remember the whole history of a response: its input, and then its output."""
        digest = b""
        for each in _digests(items):
            digest = each
        self._known[partition, digest] = response_id
        self._known.move_to_end((partition, digest))
        while len(self._known) > self._recent:
            self._known.popitem(last=False)


def _digests(items: Sequence[JSON]) -> Iterator[bytes]:
    """Yield, for each item, a hash of the items up to it."""
    so_far = hashlib.sha256()
    for item in items:
        # Clients drop the reasoning of earlier turns, or keep it.
        if item.get("type") != _REASONING:
            text = dump_json(_compared(item)).encode(errors="surrogatepass")
            so_far.update(len(text).to_bytes(8, "big") + text)
        yield so_far.digest()


def _compared(item: JSON) -> JSON:
    """Return an item without what may differ when a client sends it again."""
    rest = {
        name: value
        for name, value in item.items()
        if name not in _NOT_COMPARED and not name.startswith(_INTERNAL)
    }
    content = rest.get("content")
    if isinstance(content, str):
        rest["content"] = [{"text": content}]
    elif isinstance(content, list):
        rest["content"] = [_part(part) if isinstance(part, dict) else part for part in content]
    arguments = rest.get("arguments")
    if isinstance(arguments, str):
        # The AI SDK, which opencode uses, parses the arguments of a call and writes them again.
        parsed = parse_object(arguments.encode(errors="surrogatepass"))
        rest["arguments"] = arguments if parsed is None else parsed
    if "role" in rest or rest.get("type") == "message":
        rest = {name: value for name, value in rest.items() if name not in _OPTIONAL}
    return {name: rest[name] for name in sorted(rest) if rest[name] is not None}


def _part(part: JSON) -> JSON:
    if not isinstance(part.get("text"), str):
        return part
    return {name: part[name] for name in sorted(part) if name not in _OPTIONAL}
