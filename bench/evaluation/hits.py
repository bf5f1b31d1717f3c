"""Reads the text of a page of hits as an agent reads it."""

import json
import re
from typing import Final

from bench.evaluation.desk import Item

_MARK: Final = re.compile(r", matches in (\S+?)[,.]")
_HEADER: Final = re.compile(
    r"(?P<role>\w+) (?P<id>[\w.=-]+)(?: in (?P<thread>[\w.=-]+))?"
    r"(?: (?P<time>[\d-]+ [\d:]+ UTC|[\d-]+|[\d:]+))?(?: \d+ characters)?(?: (?P<title>\".*\"))?"
)
_CONTEXT: Final = re.compile(r"[->](?P<role>\w+)(?: (?P<id>[\w.=-]+))?")


def read_hits(text: str, thread_id: str) -> tuple[Item, ...]:
    """Return the messages of a page of hits, without the marks of matches.

    Args:
        text: the page.
        thread_id: the thread that was searched; empty if all were.

    Raises:
        ValueError: a line is neither a header nor a message's text.
    """
    first, _, rest = text.partition("\n")
    prefix = first.partition(" ")[0]
    mark = _MARK.search(first)
    items: list[Item] = []
    lines: list[list[str]] = []
    hit = Item("")
    for line in rest.splitlines():
        if not line.startswith(prefix):
            lines[-1].append(line.replace(mark[1], "") if mark else line)
            continue
        told = line.removeprefix(prefix)
        around = _CONTEXT.fullmatch(told)
        if around is None:
            hit = _hit(told.removeprefix(" "), hit, thread_id)
            items.append(hit)
        else:
            own = hit.id if told.startswith(">") else ""
            message_id = around["id"] or own
            items.append(
                Item(message_id, topic=hit.topic, role=around["role"], thread_id=hit.thread_id)
            )
        lines.append([])
    # The header of a hit with messages around it has no text of its own: it comes among them.
    return tuple(
        Item(item.id, "\n".join(said), topic=item.topic, role=item.role, thread_id=item.thread_id)
        for item, said in zip(items, lines, strict=True)
        if said
    )


def _hit(header: str, above: Item, thread_id: str) -> Item:
    """Return the fields of a header. A header leaves out the fields that are the same as above."""
    read = _HEADER.fullmatch(header)
    if read is None:
        raise ValueError(f"no header of a hit: {header}")
    topic = json.loads(read["title"]) if read["title"] else ""
    if not read["thread"]:
        topic = above.topic
    return Item(
        read["id"],
        topic=topic,
        role=read["role"],
        thread_id=read["thread"] or above.thread_id or thread_id,
    )
