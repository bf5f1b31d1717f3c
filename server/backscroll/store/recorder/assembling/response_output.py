"""The output of a response, item by item, as the events of its stream describe it.

Source: the events of OpenAI's Responses API (openai-python 3.57, `ResponseStreamEvent`).
"""

from copy import deepcopy
from itertools import islice
from typing import Any, Final

from backscroll.store.recorder.assembling.growing import RECENT, append, replace, settled, size_of
from backscroll.store.recorder.assembling.lenient_json import JSON

_PREFIX: Final = "response."
_NEW_ITEM: Final = 64
"""The size of an item that has nothing yet."""

_MAX_PARTS: Final = 10_000
"""The maximum number of parts of an item; an event about a part beyond is left out."""

_ITEM_TEXTS: Final = {
    "code_interpreter_call_code": "code",
    "custom_tool_call_input": "input",
    "function_call_arguments": "arguments",
    "mcp_call_arguments": "arguments",
}
"""The field that each kind of text event is about, if it is a field of the item."""

_PART_TEXTS: Final[dict[str, tuple[str, str, JSON]]] = {
    "output_text": ("content", "text", {"type": "output_text", "text": "", "annotations": []}),
    "refusal": ("content", "refusal", {"type": "refusal", "refusal": ""}),
    "reasoning_text": ("content", "text", {"type": "reasoning_text", "text": ""}),
    "reasoning_summary_text": ("summary", "text", {"type": "summary_text", "text": ""}),
}
"""The list that each kind of text event is about, the field of a part in it, and a new part."""

_PARTS: Final = {"content_part": "content", "reasoning_summary_part": "summary"}
_ITEM_TYPES: Final = {
    "output_text": "message",
    "refusal": "message",
    "reasoning_text": "reasoning",
    "reasoning_summary_text": "reasoning",
    "function_call_arguments": "function_call",
    "custom_tool_call_input": "custom_tool_call",
    "code_interpreter_call_code": "code_interpreter_call",
    "mcp_call_arguments": "mcp_call",
    "content_part": "message",
    "reasoning_summary_part": "reasoning",
}
"""The type of an item whose first event is about one of its parts."""


class OutputItems:
    """The items of an output, while they are streamed.

    Commands of shell calls, and what those print, are known from the event that ends their item. No
    event says where in a response its sound belongs (`response.audio.delta`), so that is left out.

    Attributes:
        size: about how many characters they have.
    """

    def __init__(self) -> None:
        self._items: dict[int, JSON] = {}
        self._done: set[int] = set()
        self.size = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, kind: str, event: JSON) -> None:
        """Add an event of type `kind`. Events that say nothing about an item are ignored."""
        subject, _, what = kind.removeprefix(_PREFIX).rpartition(".")
        if subject == "output_item":
            self._add_item(event, is_done=what == "done")
        elif subject in _ITEM_TEXTS:
            self._add_text(self._item_of(subject, event), _ITEM_TEXTS[subject], what, event)
        elif subject in _PART_TEXTS:
            listed, field, new_part = _PART_TEXTS[subject]
            part = self._part_of(self._item_of(subject, event), listed, event, new_part)
            self._add_text(part, field, what, event)
        elif subject in _PARTS:
            self._add_part(self._item_of(subject, event), _PARTS[subject], event)
        elif subject == "output_text.annotation" and isinstance(event.get("annotation"), dict):
            new_part = _PART_TEXTS["output_text"][2]
            part = self._part_of(self._item_of("output_text", event), "content", event, new_part)
            if part is not None:
                self._add_annotation(part, event["annotation"])

    def whole(self) -> list[JSON]:
        """Return the items in order. Those whose end was not received are incomplete."""
        items = []
        for index in sorted(self._items):
            item = settled(self._items[index])
            if index not in self._done and "status" in item:
                item["status"] = "incomplete"
            items.append(item)
        return items

    def _add_item(self, event: JSON, *, is_done: bool) -> None:
        item, index = event.get("item"), event.get("output_index")
        if not isinstance(item, dict):
            return
        if not isinstance(index, int):
            known = self._index_of(event)
            index = len(self._items) if known is None else known
        known_size = size_of(self._items[index]) if index in self._items else -_NEW_ITEM
        self.size += size_of(item) - known_size
        self._items[index] = item
        if is_done:
            self._done.add(index)

    def _item_of(self, subject: str, event: JSON) -> JSON | None:
        """Return the item that an event is about, which may be new; None if it is done."""
        index = event.get("output_index")
        if not isinstance(index, int):
            known = self._index_of(event)
            index = max(self._items, default=0) if known is None else known
        if index in self._done:
            return None
        if index not in self._items:
            self.size += _NEW_ITEM
            new: JSON = {"type": _ITEM_TYPES.get(subject, "message"), "status": "in_progress"}
            if isinstance(event.get("item_id"), str):
                new["id"] = event["item_id"]
            self._items[index] = new
        return self._items[index]

    def _index_of(self, event: JSON) -> int | None:
        """Return the index of the item that an event names by its id."""
        item = event.get("item")
        item_id = item.get("id") if isinstance(item, dict) else event.get("item_id")
        recent = islice(reversed(self._items.items()), RECENT if item_id else 0)
        return next((index for index, each in recent if each.get("id") == item_id), None)

    def _part_of(self, item: JSON | None, listed: str, event: JSON, new_part: JSON) -> JSON | None:
        """Return the part that an event is about, which may be new."""
        if item is None:
            return None
        parts = item.get(listed)
        if not isinstance(parts, list):
            parts = item[listed] = []
        number = _part_number(event, max(len(parts) - 1, 0))
        if number >= _MAX_PARTS:
            return None
        while len(parts) <= number:
            self.size += size_of(new_part)
            parts.append(deepcopy(new_part))
        part = parts[number]
        return part if isinstance(part, dict) else None

    def _add_part(self, item: JSON | None, listed: str, event: JSON) -> None:
        part = event.get("part")
        if not isinstance(part, dict):
            return
        new_part = {"type": part.get("type")}
        known = self._part_of(item, listed, event, new_part)
        if known is not None:
            self.size += size_of(part) - size_of(known)
            known.clear()
            known.update(part)

    def _add_text(self, target: JSON | None, field: str, what: str, event: JSON) -> None:
        """Append a delta, or set the whole text, which an event of type `….done` has."""
        delta, text = event.get("delta"), event.get(field)
        if target is None:
            return
        if what == "delta" and isinstance(delta, str):
            self.size += len(delta)
            append(target, field, delta)
        elif what == "done" and isinstance(text, str):
            self.size += replace(target, field, text)
        logprobs = event.get("logprobs")
        if isinstance(logprobs, list) and logprobs:
            self._add_logprobs(target, what, logprobs)

    def _add_logprobs(self, part: JSON, what: str, logprobs: list[Any]) -> None:
        known = part.get("logprobs")
        if isinstance(known, list) and what == "delta":
            self.size += size_of(logprobs)
            known.extend(logprobs)
        else:
            self.size += replace(part, "logprobs", logprobs)

    def _add_annotation(self, part: JSON, annotation: JSON) -> None:
        if isinstance(part.get("annotations"), list):
            self.size += size_of(annotation)
            part["annotations"].append(annotation)
        else:
            self.size += replace(part, "annotations", [annotation])


def _part_number(event: JSON, newest: int) -> int:
    """Return the index of the part that an event is about; without one, that of the newest."""
    for name in ("content_index", "summary_index"):
        number = event.get(name)
        if isinstance(number, int) and number >= 0:
            return number
    return newest
