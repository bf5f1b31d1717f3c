"""Passages: a hit with the messages around it. Hits next to each other are one passage."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from backscroll_tools.models import Message
from backscroll_tools.search.excerpt import excerpt
from backscroll_tools.search.query import Query

EXCERPT_CHARS: Final = 200
"""The maximum length of an excerpt, in characters."""
CONTEXT_CHARS: Final = 120
"""The maximum length of what is shown of a message before or after a hit, in characters."""
TITLE_CHARS: Final = 80
"""The maximum length of what is shown of a thread's title, in characters."""

_NO_WORDS: Final = Query(words=())
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a message.

    Attributes:
        id: the message's id.
        role: its role.
        text: a part of its text, with `…` where more of it is left out.
        spans: the start and end of each match in `text`, in order.
        found: whether the query finds the message, so that it is not only context.
        created_at: its time in Unix seconds; None if unknown.
        chars: the length of its text, if `text` is only a part of it; otherwise 0.
        place: its place in its thread; places of neighbours differ by 1. None if unknown.
    """

    id: str
    role: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()
    found: bool = False
    created_at: int | None = None
    chars: int = 0
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit, with the messages before and after it.

    Attributes:
        thread_id: the id of the thread, conversation or completion.
        title: the title of the thread; may be empty.
        said: the messages, oldest first.
        best: the index of the hit in `said`.
    """

    thread_id: str
    title: str
    said: tuple[Shown, ...]
    best: int = 0

    @property
    def hit(self) -> Shown:
        """The hit; the best one if there are several."""
        return self.said[self.best]

    @property
    def ids(self) -> list[str]:
        """The ids of all messages that the query finds."""
        return [each.id for each in self.said if each.found]

    def smaller(self) -> Iterator["Passage"]:
        """Yield the passage without context, and then with less and less of its texts."""
        said = tuple([each for each in self.said if each.found])
        yield (alone := replace(self, said=said, best=said.index(self.hit)))
        chars = EXCERPT_CHARS
        while chars := chars // 2:
            yield replace(alone, said=tuple([_shorter(each, chars) for each in said]))
        yield replace(alone, title="", said=tuple([_shorter(each, 0) for each in said]))


def with_dots(shown: Shown, more: tuple[bool, bool]) -> Shown:
    """Return what is shown of a message, with `…` where its text has more: before it and after it.

    Its `chars` is the length of the whole text, and is kept only if the text has more.
    """
    before, after = more
    return replace(
        shown,
        text=f"{_CUT * before}{shown.text}{_CUT * after}",
        spans=tuple([(left + before, right + before) for left, right in shown.spans]),
        chars=shown.chars if before or after else 0,
    )


def as_hit(message: Message, query: Query) -> Shown:
    """Return what is shown of a message that a query finds: the part with most of its words."""
    part = excerpt(message["text"], query, EXCERPT_CHARS)
    shown = Shown(
        message["id"],
        message["role"],
        part.text,
        part.spans,
        found=True,
        created_at=message.get("created_at"),
        chars=len(message["text"]),
    )
    return with_dots(shown, part.more)


def as_context(message: Message) -> Shown:
    """Return what is shown of a message before or after a hit: the beginning of its text."""
    part = excerpt(message["text"][: 4 * CONTEXT_CHARS], _NO_WORDS, CONTEXT_CHARS)
    cut = len(part.text) < len(message["text"].rstrip())
    return Shown(message["id"], message["role"], part.text + (_CUT if cut else ""))


def title_line(title: object) -> str:
    """Return a thread's title on one line, shortened; empty if there is none."""
    line = " ".join(title.split()) if isinstance(title, str) else ""
    return line if len(line) <= TITLE_CHARS else f"{line[: TITLE_CHARS - 1].rstrip()}{_CUT}"


def joined(passages: Iterable[Passage]) -> list[Passage]:
    """Return passages in their order, those of one thread that touch or overlap as one.

    The first of them keeps its place and its hit.
    """
    found: list[Passage] = []
    for passage in passages:
        merged = passage
        place = len(found)
        for at in range(len(found) - 1, -1, -1):
            if (both := _both(found[at], merged)) is not None:
                merged, place = both, at
                del found[at]
        found.insert(place, merged)
    return found


def _both(first: Passage, second: Passage) -> Passage | None:
    """Return two passages as one with the hit of the first, or None if they are apart."""
    if first.thread_id != second.thread_id:
        return None
    ids = [each.id for each in first.said]
    others = [each.id for each in second.said]
    if shared := [each for each in others if each in ids]:
        left, right = others.index(shared[0]), others.index(shared[-1]) + 1
        found = {each.id: each for each in second.said if each.found}
        middle = tuple([each if each.found else found.get(each.id, each) for each in first.said])
        said = (*second.said[:left], *middle, *second.said[right:])
    elif _touch(first.said[-1], second.said[0]):
        said = (*first.said, *second.said)
    elif _touch(second.said[-1], first.said[0]):
        said = (*second.said, *first.said)
    else:
        return None
    best = next(at for at, each in enumerate(said) if each.id == first.hit.id)
    return replace(first, said=said, best=best, title=first.title or second.title)


def _touch(earlier: Shown, later: Shown) -> bool:
    return None not in (earlier.place, later.place) and (earlier.place or 0) + 1 == later.place


def _shorter(shown: Shown, chars: int) -> Shown:
    """Return what is shown of a message, with at most `chars` characters around the first match."""
    if len(shown.text) <= chars:
        return shown
    first, end = shown.spans[0] if shown.spans else (0, 0)
    start = max(0, min(first - (chars - min(end - first, chars)) // 2, len(shown.text) - chars))
    spans = [
        (max(left - start, 0), min(right - start, chars))
        for left, right in shown.spans
        if left < start + chars and right > start
    ]
    spans = [(left, right) for left, right in spans if left < right]
    whole = shown.chars or len(shown.text)
    return replace(shown, text=shown.text[start : start + chars], spans=tuple(spans), chars=whole)
