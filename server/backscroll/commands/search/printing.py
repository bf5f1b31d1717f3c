"""Renders hits as text for a person, in colour on a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

from backscroll_tools.hits.transcript import summary
from backscroll_tools.models import HitsPage
from backscroll_tools.plain import plain

_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, beyond which Python has no dates."""


@dataclass(frozen=True, slots=True)
class Look:
    """How hits are printed.

    Attributes:
        escapes: whether control characters in texts are escaped, as a terminal needs.
        colours: whether to print in colour.
    """

    escapes: bool
    colours: bool

    def style(self, text: str, **styles: Any) -> str:  # noqa: ANN401 - the type in click.style
        """Return a text in a style, with control characters escaped if `escapes` is true."""
        safe = plain(text) if self.escapes else text
        return click.style(safe, **styles) if self.colours and text else safe


def printed(found: Mapping[str, Any], look: Look) -> str:
    """Return a page of search-messages as lines for a person.

    Args:
        found: the structured content of the tool's result.
        look: how to print it.
    """
    page = found["page"]
    lines = [line for hit in found["hits"] for line in _hit(hit, page.get("mark", ""), look)]
    return "\n".join([*lines, _summary(page)])


def _hit(hit: Mapping[str, Any], mark: str, look: Look) -> Iterator[str]:
    head = [
        look.style(_time(hit.get("created_at")), fg="green"),
        look.style(hit["role"], bold=True),
    ]
    if "title" in hit:
        head.append(look.style(hit["title"], bold=True))
    head.append(look.style(f"{hit['thread_id']} {hit['id']}", dim=True))
    yield "  ".join(filter(None, head))
    before, after = hit.get("before", ()), hit.get("after", ())
    yield from _said(before, mark, look)
    name = hit["role"] if before or after else ""
    yield from _text(name, _marked(hit["excerpt"], mark, look), look)
    yield from _said(after, mark, look)
    yield ""


def _said(messages: Iterable[Mapping[str, Any]], mark: str, look: Look) -> Iterator[str]:
    for message in messages:
        if "id" in message:
            text = _marked(message["text"], mark, look)
        else:
            text = look.style(message["text"], dim=True)
        yield from _text(message["role"], text, look)


def _text(name: str, text: str, look: Look) -> Iterator[str]:
    first, *others = text.split("\n")
    yield f"  {look.style(f'{name}: ', dim=True) if name else ''}{first}"
    yield from (f"  {line}" for line in others)


def _marked(text: str, mark: str, look: Look) -> str:
    """Return a text with coloured matches. Without colours, each match stays between two marks."""
    if not mark or not look.colours:
        return look.style(text)
    # Every second part is a match, because nothing else in the text contains the mark.
    styles: tuple[Callable[[str], str], ...] = (
        look.style,
        lambda part: look.style(part, fg="red", bold=True),
    )
    return "".join(styles[at % 2](part) for at, part in enumerate(text.split(mark)))


def _time(seconds: int | None) -> str:
    if seconds is None or not 0 <= seconds <= _LATEST:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _summary(page: HitsPage) -> str:
    text = summary(page)
    if "scanned" in page:
        text += f"; {page['scanned']} messages looked at"
    if page["has_more"]:
        text += "; there are more, which a higher --limit or fewer words may show"
    return f"{text}.{' Warning: ' + page['warning'] + '.' if 'warning' in page else ''}"
