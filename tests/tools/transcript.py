"""A strict parser of transcripts, which refuses everything that is not in the format."""

import json
import re
from dataclasses import dataclass, field

from backscroll_tools.models import JSON

_HEADING = re.compile(
    r"(?P<mark>[A-Z]{2}(?:\d{3})?) (?P<count>\d+) (?:message|file|thread|completion)s?"
    r"(?:, (?:newest|oldest) first)?(?:, stopped by (?:deadline|requests))?"
    r"\. (?:No more follow\.|More follow, but cannot be reached\.|"
    r"More follow: cursor=(?P<cursor>[^\s,]+))"
    r"(?:(?: More|, more) precede: cursor=(?P<previous>\S+))?"
    r"(?: Warning: [^\n]*\.)?"
)
_HEADER = re.compile(
    r"(?P<label>[A-Za-z_][A-Za-z0-9_.-]*) (?P<id>~?[A-Za-z0-9_.=-]+)"
    r"(?: (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d UTC|(?:\d\d)?:\d\d|-?\d+ s))?"
)


@dataclass
class ReadMessage:
    label: str
    id: str
    time: str | None
    fields: JSON = field(default_factory=dict)
    text: str = ""


def read_heading(line: str) -> re.Match[str]:
    heading = _HEADING.fullmatch(line)
    assert heading, line
    return heading


def read(transcript: str) -> tuple[list[ReadMessage], str | None]:
    """Return the items of a transcript, and its cursor; every line must be part of one of them."""
    first, newline, rest = transcript.partition("\n")
    heading = read_heading(first)
    assert newline
    mark = heading["mark"]
    items: list[ReadMessage] = []
    lines = rest.split("\n")
    assert lines.pop() == ""
    bodies: list[list[str]] = []
    for line in lines:
        if line.startswith(f"{mark}+"):
            assert not bodies[-1]
            items[-1].fields = json.loads(line.removeprefix(f"{mark}+"))
        elif line.startswith(mark):
            header = _HEADER.fullmatch(line.removeprefix(f"{mark} "))
            assert header, line
            items.append(ReadMessage(header["label"], header["id"], header["time"]))
            bodies.append([])
        else:
            bodies[-1].append(line)
    for item, body in zip(items, bodies, strict=True):
        item.text = "\n".join(body)
    assert len(items) == int(heading["count"])
    return items, heading["cursor"]
