"""An agent that reads a thread page by page, and a check that it read every message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backscroll_tools.models import JSON
from backscroll_tools.pages.stop import ABSENT, GONE


@dataclass(frozen=True)
class Written:
    """A message, with the fields that its writer knows."""

    id: str
    place: int
    text: str
    metadata: Mapping[str, str]


@dataclass
class Walker:
    """A walk of list-messages from its first page to its last, page by page.

    Attributes:
        order: the order of the messages.
        backward: whether it began with `before`, and so reads against that order.
        preview: how many characters of each message are shown; 0 for whole messages.
        expected: the ids of the messages that existed throughout.
        arguments: the arguments of the next call.
        result_chars: the maximum length of a page, in characters.
    """

    order: str
    backward: bool
    preview: int
    expected: set[str]
    arguments: JSON
    result_chars: int
    pages: list[JSON] = field(default_factory=list)
    ended: bool = False

    @property
    def under_cursor(self) -> str | None:
        """The id of the message after which, or in the middle of which, the next page begins."""
        shown = self._in_walk_order(self.pages[-1]) if self.pages else []
        return str(shown[-1]["id"]) if shown else None

    def turn(self, result: JSON) -> None:
        """Read the next page."""
        page = result["page"]
        assert page["returned"] == len(result["messages"])
        assert page["has_more"] is (page["next_cursor"] is not None)
        assert (page["stopped_by"] == "end") is not page["has_more"]
        self.pages.append(result)
        self.ended = not page["has_more"]
        self.arguments = {
            "thread_id": self.arguments["thread_id"],
            "cursor": page["next_cursor"],
        }

    def check(self, written: Mapping[str, Written], living: set[str]) -> None:
        """Compare the messages that were read with those that were written.

        Args:
            written: every message that ever existed, by id.
            living: the ids of those that have not been deleted.
        """
        seen = self._joined()
        ids = [message["id"] for message in seen]
        places = [written[message_id].place for message_id in ids]
        ascending = (self.order == "asc") is not self.backward
        assert places == sorted(set(places), reverse=not ascending)
        assert self.expected <= set(ids)
        for message in seen:
            if message["id"] in living:
                self._compare(message, written[message["id"]])
        if self.expected == written.keys():
            assert not any("warning" in page["page"] for page in self.pages)
        assert {page["page"].get("warning", GONE) for page in self.pages} <= {GONE, ABSENT}

    def _compare(self, seen: JSON, written: Written) -> None:
        fields: JSON = json.loads(seen["fields_json"]) if seen["fields_json"] else {}
        metadata = seen.get("metadata", fields.get("metadata", {}))
        if not self.preview:
            assert (metadata, seen["text"]) == (written.metadata, written.text)
            return
        assert seen["pieces"] == 0
        assert seen["total"] in {0, len(written.text)}
        omitted = {"metadata"} if "omitted" in seen else set()
        assert {seen.get("omitted")} - {None} == omitted
        assert metadata == ({} if omitted else written.metadata)
        expected = written.text[: self.preview]
        if seen["total"]:  # a preview that is too long for a page has less text
            assert expected.startswith(seen["text"])
            assert seen["text"]
        else:
            assert seen["text"] == expected

    def _joined(self) -> list[JSON]:
        """Join the pieces of long messages, as an agent would."""
        whole: list[JSON] = []
        for message in (item for page in self.pages for item in self._in_walk_order(page)):
            clipped = message.get("clipped", {})
            if clipped.get("start"):
                last = whole[-1]
                assert (last["id"], last["read"]) == (message["id"], clipped["start"])
                last["text"] += message["text"]
                last["fields_json"] += message.get("fields_json", "")
                last["read"] += clipped["shown"]
                last["pieces"] += 1
            else:
                read = {"read": clipped.get("shown", 0), "total": clipped.get("total", 0)}
                whole.append({"fields_json": "", **message, **read, "pieces": 0})
        return whole

    def _in_walk_order(self, page: JSON) -> Sequence[JSON]:
        messages: list[JSON] = page["messages"]
        return messages[::-1] if self.backward else messages
