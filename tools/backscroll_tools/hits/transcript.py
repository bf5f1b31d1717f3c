"""The text of a page of hits, for models. No message on the page can imitate a header or a match.

    KP 2 hits for any word, best first, matches in **. No more follow.
    KP user msg_… in thread_… 2026-11-21 "Billing"
    …the **refund** was promised for…
    KP assistant msg_… in thread_… 2026-11-20 1240 characters
    KP-user
    the message before it
    KP>assistant
    …will **refund** you…

As on every page (`render`), header lines start with a random prefix. The mark before and after each
match occurs in no other text on the page. The prefix and `-` start the line above a message that is
only context; the prefix and `>` start the line above a hit among such messages. In a search of one
thread, headers also show the time of day, but not the thread.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from backscroll_tools.hits.passages import Passage, Shown
from backscroll_tools.models import ContextMessage, Hit, HitsPage
from backscroll_tools.render import MARK_CHARS, compact, continuation, shown_date, shown_time

_MARKS: Final = "*=~^|@%+"
"""The characters that a mark may consist of. They are rare in prose and in code."""

_ORDERS: Final = {"relevance": "best first", "newest": "newest first", "oldest": "oldest first"}
_MATCHED: Final = {
    "all words": "all words",
    "any word": "any word",
    "literal": "the literal",
    "common words": "common words alone",
    "meaning": "words or meaning",
}


def match_mark(texts: Iterable[str], prefix: str) -> str:
    """Return a mark that occurs in none of the texts.

    If the texts contain all characters of `_MARKS`, return `prefix`. The caller has chosen a prefix
    that no text contains.
    """
    used = set[str]().union(*texts)
    return next((2 * char for char in _MARKS if char not in used), prefix)


def texts_of(passages: Iterable[Passage]) -> list[str]:
    """Return the titles and the message texts of passages. All of them are untrusted."""
    return [
        text
        for passage in passages
        for text in (passage.title, *(each.text for each in passage.messages))
    ]


def hit_of(passage: Passage, mark: str) -> Hit:
    """Return a passage as structured content, with `mark` before and after each match."""
    best = passage.hit
    hit = Hit(
        id=best.id, thread_id=passage.thread_id, role=best.role, excerpt=_with_marks(best, mark)
    )
    if passage.title:
        hit["title"] = passage.title
    if best.created_at is not None:
        hit["created_at"] = best.created_at
    if best.chars:
        hit["chars"] = best.chars
    if before := passage.messages[: passage.best]:
        hit["before"] = [_context_message(each, mark) for each in before]
    if after := passage.messages[passage.best + 1 :]:
        hit["after"] = [_context_message(each, mark) for each in after]
    return hit


def summary(page: HitsPage) -> str:
    """Return the number of hits on a page, what they match and their order, in a few words."""
    count = page["returned"]
    text = f"{count} hit{'' if count == 1 else 's'}"
    if count:
        text += f" for {_MATCHED[page['matched']]}"
    if count > 1:
        text += f", {_ORDERS[page['order']]}"
    return text


def heading(prefix: str, page: HitsPage) -> str:
    """Return the first line of a page: the number of hits, what they match, how to continue."""
    head = f"{prefix} {summary(page)}"
    if mark := page.get("mark"):
        head += f", matches in {mark}"
    if (scanned := page.get("scanned")) is not None:
        head += f", messages looked at: {scanned}"
    return head + continuation(page)


def lines(
    passage: Passage, mark: str, above: Passage | None = None, *, single: bool = False
) -> list[str]:
    """Return a passage as text: one string for each header line, without the page's prefix.

    A string also contains the message's text, if the text is shown below this header line.

    Args:
        passage: the passage.
        mark: the text before and after each match.
        above: the passage above it on the page; None for the first passage. If both passages have
            the same thread or date, the header does not repeat it.
        single: whether all hits are in the thread that the call names.
    """
    best = passage.hit
    header = f" {best.role} {best.id}"
    same = single or (above is not None and above.thread_id == passage.thread_id)
    if not same:
        header += f" in {passage.thread_id}"
    if single:
        over = None if above is None else {"created_at": above.hit.created_at}
        time = shown_time({"created_at": best.created_at}, over)
    else:
        time = shown_date(best.created_at)
    if time:
        header += f" {time}"
    if best.chars:
        header += f" {best.chars} characters"
    if passage.title and not same:
        header += f" {compact(passage.title)}"
    if len(passage.messages) == 1:
        return [f"{header}\n{_ended(_with_marks(best, mark))}"]
    found = [f"{header}\n"]
    for each in passage.messages:
        sign, name = (">", "" if each is best else f" {each.id}") if each.found else ("-", "")
        found.append(f"{sign}{each.role}{name}\n{_ended(_with_marks(each, mark))}")
    return found


def cost(passage: Passage, *, text: bool, structured: bool, single: bool) -> int:
    """Return the maximum number of characters that a passage adds to a result.

    Args:
        passage: the passage.
        text: whether the result has text for models.
        structured: whether the result has structured content.
        single: as in `lines`.
    """
    longest = "#" * MARK_CHARS
    chars = 0
    if text:
        chars += sum(len(line) + MARK_CHARS for line in lines(passage, longest, single=single))
    if structured:
        chars += len(compact(hit_of(passage, longest))) + 1
    return chars


def _context_message(shown: Shown, mark: str) -> ContextMessage:
    message = ContextMessage(role=shown.role, text=_with_marks(shown, mark))
    return {"id": shown.id, **message} if shown.found else message


def _with_marks(shown: Shown, mark: str) -> str:
    return "".join(_pieces(shown.text, shown.spans, mark)) if shown.spans else shown.text


def _pieces(text: str, spans: Sequence[tuple[int, int]], mark: str) -> Iterable[str]:
    at = 0
    for start, end in spans:
        yield text[at:start]
        yield f"{mark}{text[start:end]}{mark}"
        at = end
    yield text[at:]


def _ended(text: str) -> str:
    return f"{text}\n" if text else ""
