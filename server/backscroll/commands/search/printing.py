"""Renders hits as text for a person, in colour on a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click
from msgspec import Struct

from backscroll.commands.times import in_utc
from backscroll_tools.hits.transcript import summary
from backscroll_tools.models import HitsPage
from backscroll_tools.plain import plain


class Style(Struct, frozen=True):
    """How hits are printed.

    Attributes:
        escapes: whether to escape control characters in texts. On a terminal, they would have an
            effect.
        colours: whether to print in colour.
    """

    escapes: bool
    colours: bool

    def apply(self, text: str, **styles: Any) -> str:  # noqa: ANN401 - the type in click.style
        """Return a text in a style, with control characters escaped if `escapes` is true."""
        safe = plain(text) if self.escapes else text
        return click.style(safe, **styles) if self.colours and text else safe


def printed(found: Mapping[str, Any], style: Style) -> str:
    """Return a page of hits as lines for a person.

    Args:
        found: the structured content of a result of the tool `search-messages`.
        style: how to print the hits.
    """
    page = found["page"]
    lines = [line for hit in found["hits"] for line in _hit(hit, page.get("mark", ""), style)]
    return "\n".join([*lines, _summary(page)])


def _hit(hit: Mapping[str, Any], mark: str, style: Style) -> Iterator[str]:
    head = [
        style.apply(in_utc(hit.get("created_at")), fg="green"),
        style.apply(hit["role"], bold=True),
    ]
    if "title" in hit:
        head.append(style.apply(hit["title"], bold=True))
    head.append(style.apply(f"{hit['thread_id']} {hit['id']}", dim=True))
    yield "  ".join(filter(None, head))
    before, after = hit.get("before", ()), hit.get("after", ())
    yield from _around(before, mark, style)
    name = hit["role"] if before or after else ""
    yield from _text(name, _marked(hit["excerpt"], mark, style), style)
    yield from _around(after, mark, style)
    yield ""


def _around(messages: Iterable[Mapping[str, Any]], mark: str, style: Style) -> Iterator[str]:
    for message in messages:
        if "id" in message:
            text = _marked(message["text"], mark, style)
        else:
            text = style.apply(message["text"], dim=True)
        yield from _text(message["role"], text, style)


def _text(name: str, text: str, style: Style) -> Iterator[str]:
    first, *others = text.split("\n")
    yield f"  {style.apply(f'{name}: ', dim=True) if name else ''}{first}"
    yield from (f"  {line}" for line in others)


def _marked(text: str, mark: str, style: Style) -> str:
    """Return a text with coloured matches. Without colours, `mark` stays around each match."""
    if not mark or not style.colours:
        return style.apply(text)
    # The text has the mark only before and after each match, so every second part is a match.
    styles: tuple[Callable[[str], str], ...] = (
        style.apply,
        lambda part: style.apply(part, fg="red", bold=True),
    )
    return "".join(styles[at % 2](part) for at, part in enumerate(text.split(mark)))


def _summary(page: HitsPage) -> str:
    text = summary(page)
    if "scanned" in page:
        text += f"; {page['scanned']} messages looked at"
    if page["has_more"]:
        text += "; there are more: raise --limit, or narrow the search"
    return f"{text}.{' Warning: ' + page['warning'] + '.' if 'warning' in page else ''}"
