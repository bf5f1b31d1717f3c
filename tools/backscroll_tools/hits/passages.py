"""Passages. A passage is a hit with the messages around it; neighbouring hits share a passage."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.models import Message
from backscroll_tools.search.excerpt import excerpt
from backscroll_tools.search.query import Query

EXCERPT_CHARS: Final = 200
"""The maximum length of an excerpt, in characters."""
EXCERPT_BYTES: Final = 90
"""The maximum average length of the excerpts on a page with ten or more hits, in bytes of UTF-8. On
a page with fewer hits, excerpts can be longer. The limit is in bytes, because a token of a language
model has about four bytes in any language, but a varying number of characters."""
CONTEXT_CHARS: Final = 120
"""The maximum number of characters shown of a message before or after a hit."""
TITLE_CHARS: Final = 80
"""The maximum number of characters shown of a thread's title."""

_HITS: Final = 10
_NO_WORDS: Final = Query(words=())
_CUT: Final = "…"


class Shown(Struct, frozen=True):
    """The part of a message that a page shows.

    Attributes:
        id: the message's id.
        role: the message's role.
        text: a part of the message's text, with `…` at each end where text is left out.
        spans: the start and end of each match in `text`, in order.
        found: whether the message is a hit. If not, it is only context.
        created_at: the message's time, in Unix seconds; None if unknown.
        chars: the length of a hit's whole text, in characters; 0 if `text` is the whole text.
        position: the message's position in its thread; None if unknown. The positions of two
            neighbours differ by 1.
    """

    id: str
    role: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()
    found: bool = False
    created_at: int | None = None
    chars: int = 0
    position: int | None = None


class Passage(Struct, frozen=True):
    """A hit, with the messages before and after it.

    Attributes:
        thread_id: the id of the thread, conversation or completion.
        title: the title of the thread; may be empty.
        messages: the messages, oldest first.
        best: the index of the hit in `messages`.
    """

    thread_id: str
    title: str
    messages: tuple[Shown, ...]
    best: int = 0

    @property
    def hit(self) -> Shown:
        """The best hit of the passage."""
        return self.messages[self.best]

    @property
    def ids(self) -> list[str]:
        """The ids of all hits in the passage."""
        return [each.id for each in self.messages if each.found]

    def smaller(self) -> Iterator["Passage"]:
        """Yield the passage without context, then with ever shorter texts.

        The last passage has no texts and no title.
        """
        messages = tuple([each for each in self.messages if each.found])
        yield (alone := replace(self, messages=messages, best=messages.index(self.hit)))
        chars = EXCERPT_CHARS
        while chars := chars // 2:
            yield replace(alone, messages=tuple([_shorter(each, chars) for each in messages]))
        yield replace(alone, title="", messages=tuple([_shorter(each, 0) for each in messages]))


def with_dots(shown: Shown, more: tuple[bool, bool]) -> Shown:
    """Return the shown part of a message with `…` at each end where the text continues.

    If the part is the whole text, set `chars` to 0.

    Args:
        shown: the part. Its `chars` is the length of the whole text.
        more: whether the text continues before the part, and whether it continues after the part.
    """
    before, after = more
    return replace(
        shown,
        text=f"{_CUT * before}{shown.text}{_CUT * after}",
        spans=tuple([(left + before, right + before) for left, right in shown.spans]),
        chars=shown.chars if before or after else 0,
    )


def as_hit(message: Message, query: Query) -> Shown:
    """Return the part of a hit that has the most words of the query."""
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


def fitted(passages: Sequence[Passage], query: Query) -> list[Passage]:
    """Return the passages, with shorter excerpts if all excerpts together are too long for a page.

    The longest excerpts are cut to a common length; see `EXCERPT_BYTES`. Context is not changed.
    """
    sizes = [
        len(each.text.encode()) for passage in passages for each in passage.messages if each.found
    ]
    most = _share(sizes, EXCERPT_BYTES * max(len(sizes), _HITS))
    return [
        replace(
            passage,
            messages=tuple(
                _excerpt_of(each, query, most) if each.found else each for each in passage.messages
            ),
        )
        for passage in passages
    ]


def _share(sizes: Sequence[int], total: int) -> int:
    """Return the maximum size of an excerpt.

    If every longer excerpt is cut to this size, the sum of all sizes is at most `total`.
    """
    left = total
    for number, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - number)
        if size > share:
            return share
        left -= size
    return max(sizes, default=0)


def _excerpt_of(shown: Shown, query: Query, size: int) -> Shown:
    """Cut a hit's excerpt to about `size` bytes. Keep the part that matches the query best."""
    length = len(shown.text.encode())
    if length <= size:
        return shown
    starts, ends = (
        shown.chars > 0 and cut for cut in (shown.text[0] == _CUT, shown.text[-1] == _CUT)
    )
    text = shown.text[starts : len(shown.text) - ends]
    part = excerpt(text, query, max(len(shown.text) * size // length - 2, 1))
    return with_dots(
        replace(shown, text=part.text, spans=part.spans, chars=shown.chars or len(text)),
        (starts or part.more[0], ends or part.more[1]),
    )


def as_context(message: Message) -> Shown:
    """Return the part to show of a message before or after a hit: the beginning of its text."""
    part = excerpt(message["text"][: 4 * CONTEXT_CHARS], _NO_WORDS, CONTEXT_CHARS)
    cut = len(part.text) < len(message["text"].rstrip())
    return Shown(message["id"], message["role"], part.text + (_CUT if cut else ""))


def title_line(title: object) -> str:
    """Return a thread's title on one line, cut to `TITLE_CHARS`; empty if there is no title."""
    line = " ".join(title.split()) if isinstance(title, str) else ""
    return line if len(line) <= TITLE_CHARS else f"{line[: TITLE_CHARS - 1].rstrip()}{_CUT}"


def joined(passages: Iterable[Passage]) -> list[Passage]:
    """Join passages of the same thread that touch or overlap, and keep the order of `passages`.

    If two passages are joined, the result takes the place and the best hit of the passage that
    comes earlier in `passages`.
    """
    found: list[Passage] = []
    for passage in passages:
        merged = passage
        index = len(found)
        for at in range(len(found) - 1, -1, -1):
            if (both := _both(found[at], merged)) is not None:
                merged, index = both, at
                del found[at]
        found.insert(index, merged)
    return found


def _both(first: Passage, second: Passage) -> Passage | None:
    """Return two passages joined, with the best hit of the first; None if they do not touch."""
    if first.thread_id != second.thread_id:
        return None
    ids = [each.id for each in first.messages]
    others = [each.id for each in second.messages]
    if shared := [each for each in others if each in ids]:
        left, right = others.index(shared[0]), others.index(shared[-1]) + 1
        found = {each.id: each for each in second.messages if each.found}
        middle = tuple(
            [each if each.found else found.get(each.id, each) for each in first.messages]
        )
        messages = (*second.messages[:left], *middle, *second.messages[right:])
    elif _touch(first.messages[-1], second.messages[0]):
        messages = (*first.messages, *second.messages)
    elif _touch(second.messages[-1], first.messages[0]):
        messages = (*second.messages, *first.messages)
    else:
        return None
    best = next(at for at, each in enumerate(messages) if each.id == first.hit.id)
    return replace(first, messages=messages, best=best, title=first.title or second.title)


def _touch(earlier: Shown, later: Shown) -> bool:
    return (
        None not in (earlier.position, later.position)
        and (earlier.position or 0) + 1 == later.position
    )


def _shorter(shown: Shown, chars: int) -> Shown:
    """Return at most `chars` characters of a message's shown part, around the first match."""
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
    total = shown.chars or len(shown.text)
    return replace(shown, text=shown.text[start : start + chars], spans=tuple(spans), chars=total)
