"""`python -m bench.search`: the quality of the ranking, and what a message's tokens cost."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from backscroll_tools.search.ranking import COVERAGE, LENGTH
from backscroll_tools.search.tokenizer import tokens
from bench.conversations import chats, joined
from bench.search.facts import LANGUAGES, Planted, facts, plant
from bench.search.index import Index, Ranking
from bench.search.quality import quality

CONVERSATIONS: Final = 1_200
"""The number of real conversations. They have 45,731 messages. Facts are added to a few
hundred of the conversations."""
RANKINGS: Final = {
    "the product's": Ranking(LENGTH, COVERAGE),
    "without the thread": Ranking(LENGTH, 0),
    "lengths as in BM25": Ranking(0.75, COVERAGE),
    "without lengths": Ranking(0, COVERAGE),
    "the sum of weights alone": Ranking(0, 0),
}


def main() -> None:
    """Print both tables."""
    conversations = [
        [str(message.content) for message in thread.messages] for thread in chats(CONVERSATIONS)
    ]
    threads, planted = plant(list(facts()), conversations)
    index = Index()
    for number, texts in enumerate(threads):
        index.add(number, texts)
    console = Console()
    console.print(_qualities(index, planted))
    console.print(_speed([text for texts in conversations for text in texts]))


def _qualities(index: Index, planted: Sequence[Planted]) -> Table:
    table = Table("ranking", "questions", "s1", "s5", "near5", "empty")
    for name, ranking in RANKINGS.items():
        table.add_row(name, *_cells(index, planted, ranking))
    for language in LANGUAGES:
        asked = [each for each in planted if each.fact.language == language]
        table.add_row(language, *_cells(index, asked, RANKINGS["the product's"]))
    return table


def _cells(index: Index, asked: Sequence[Planted], ranking: Ranking) -> Iterator[str]:
    found = quality(asked, index.answers((each.fact.question for each in asked), ranking))
    yield str(found.questions)
    for share in (found.s1, found.s5, found.near5, found.empty):
        yield f"{share:.3f}"


def _speed(texts: Sequence[str]) -> str:
    messages = list(joined(texts))
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        for text in messages:
            tokens(text)
        seconds.append(time.process_time() - begun)
    chars = sum(map(len, messages)) / len(messages)
    first, later = (each / len(messages) * 1e6 for each in (seconds[0], min(seconds)))
    return (
        f"{len(messages):,} messages of {chars:.0f} characters: {later:.0f} µs of CPU for "
        f"the tokens of each, {first:.0f} µs the first time"
    )


if __name__ == "__main__":
    main()
