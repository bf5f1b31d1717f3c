"""Replaces the citation marks in ChatGPT's answers with links.

A mark is between two characters of Unicode's private use area, such as
`<U+E200>cite<U+E202>turn0search1<U+E201>`. The message's metadata has the source that the mark
cites. Exports until 2024 have marks such as `【4†source】`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from backscroll.history.reading.fields import first_text, mapping, objects_of, string, strings_in

_BEGIN: Final = "\ue200"
_END: Final = "\ue201"
_SEPARATOR: Final = "\ue202"
_MARK: Final = re.compile(f"{_BEGIN}([^{_BEGIN}{_END}]*){_END}")
_OLD_BEGIN: Final = "【"
_OLD_END: Final = "】"
_MARKS: Final = re.compile(f"(?:{_MARK.pattern})+|{_OLD_BEGIN}[^{_OLD_BEGIN}{_OLD_END}]*{_OLD_END}")
"""Matches one mark such as `【4†source】`, or a run of neighbouring newer marks.

A run is matched as a whole, because the metadata can have one reference for the whole run.
"""

_NAMED: Final = "entity"


def resolved(text: str, metadata: Mapping[str, Any]) -> str:
    """Return a text with links in place of its citation marks.

    A mark that the metadata does not explain is removed. If it names an entity, the name is kept. A
    mark such as `【4†source】` is kept as it is.

    Args:
        text: a text of a message.
        metadata: the message's metadata.
    """
    if _BEGIN not in text and _OLD_BEGIN not in text:
        return text
    links: dict[str, str] = {}
    for reference in objects_of(metadata.get("content_references")):
        mark = string(reference.get("matched_text"))
        if mark.startswith((_BEGIN, _OLD_BEGIN)):
            links.setdefault(mark, _link(reference, mark))
    for citation in objects_of(metadata.get("citations")):
        begin, end = citation.get("start_ix"), citation.get("end_ix")
        if isinstance(begin, int) and isinstance(end, int) and 0 <= begin < end:
            mark = text[begin:end]
            if mark.startswith(_OLD_BEGIN) and mark.endswith(_OLD_END):
                links.setdefault(mark, _markdown(mapping(citation.get("metadata"))))
    return _MARKS.sub(lambda found: _replaced(found[0], links), text)


def _replaced(marks: str, links: Mapping[str, str]) -> str:
    """Return the text that replaces what `_MARKS` matched."""
    return links.get(marks) or _MARK.sub(
        lambda mark: links.get(mark[0]) or _unexplained(mark), marks
    )


def _link(reference: Mapping[str, Any], mark: str) -> str:
    """Return the Markdown for a mark: the `alt` of its reference, or else links to its sources."""
    written = string(reference.get("alt"))
    if written:
        return written
    links = ", ".join(filter(None, map(_markdown, _sources(reference))))
    return f"({links})" if links else _MARK.sub(_unexplained, mark)


def _sources(reference: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    items = objects_of(reference.get("items"))
    yield from items or [reference]


def _markdown(source: Mapping[str, Any]) -> str:
    url = string(source.get("url"))
    title = first_text(source, "title", "name", "attribution") or url
    return f"[{title}]({url})" if url else title


def _unexplained(mark: re.Match[str]) -> str:
    kind, _, value = mark[1].partition(_SEPARATOR)
    if kind != _NAMED:
        return ""
    try:
        strings = list(strings_in(json.loads(value)))
    except (ValueError, RecursionError):
        return ""
    return strings[1] if len(strings) > 1 else "".join(strings)
