"""Facts with a question about each, planted in real conversations.

`facts/` holds a file for each of six languages. An entry is three lines: what somebody says, the
answer, which is the fact, and a question about it in other words. They were written before any
ranking was tuned, and stay as they are.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("facts")
LANGUAGES: Final = tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, and a question that somebody who knows it may ask later.

    Attributes:
        language: its code, such as `en`.
        before: the message before the fact.
        said: the message with the fact.
        question: the question.
    """

    language: str
    before: str
    said: str
    question: str


@dataclass(frozen=True, slots=True)
class Planted:
    """A fact and its position in the conversations.

    Attributes:
        fact: the fact.
        thread: the number of its conversation.
        position: the number of its message there.
    """

    fact: Fact
    thread: int
    position: int


def facts(languages: Iterable[str] = LANGUAGES) -> Iterator[Fact]:
    """Yield all facts, grouped by language."""
    for language in languages:
        text = (FOLDER / f"{language}.txt").read_text(encoding="utf-8")
        for entry in text.strip().split("\n\n"):
            before, said, question = entry.splitlines()
            yield Fact(language, before, said, question)


def plant(
    found: Sequence[Fact], conversations: Sequence[Sequence[str]]
) -> tuple[list[list[str]], list[Planted]]:
    """Return conversations, some of which have one fact each, and where the facts are.

    The positions are always the same.

    Args:
        found: the facts; at most one for each conversation.
        conversations: the texts of the messages of each.
    """
    source = random.Random(0)
    threads = [list(texts) for texts in conversations]
    numbers = source.sample(range(len(threads)), len(found))
    planted = []
    for fact, number in zip(found, numbers, strict=True):
        at = source.randrange(len(threads[number]) + 1)
        threads[number][at:at] = [fact.before, fact.said]
        planted.append(Planted(fact, number, at + 1))
    return threads, planted
