"""`python -m bench.search.large MESSAGES`: the CPU time of a search in a store of any size.

The database is filled first if it has no messages, which takes about 0.3 s of CPU for a thousand.
Give `--database` to keep it, or to measure on PostgreSQL.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count, cycle, islice
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from backscroll.database.opening import open_database
from backscroll.store.search import rows
from backscroll.store.search.merging import merge
from bench.conversations import CHITCHAT, database, fill
from bench.figures import percentile
from bench.rows.search import COMMON, ONE_THREAD, Search, conversations, thread_id, threads
from bench.search.facts import Planted, facts, plant

LENGTHENED: Final = 0.3
"""The share of messages of a copy that get a word of their own."""
ROUNDS: Final = 60


def said(messages: int) -> tuple[Iterator[list[str]], list[Planted]]:
    """Return conversations with at least `messages` messages in total, and the facts in them.

    The real conversations are repeated. A copy has the sentences of each message in another order,
    and words of its own, so that the index gets new words as it does in a real store.
    """
    texts, planted = plant(list(facts()), conversations(CHITCHAT))
    return _repeated(texts, messages), planted


def _repeated(texts: Sequence[list[str]], messages: int) -> Iterator[list[str]]:
    left = messages
    for copy in count():
        source = random.Random(copy)
        for each in texts:
            if left <= 0:
                return
            left -= len(each)
            yield each if copy == 0 else [_varied(text, source) for text in each]


def _varied(text: str, source: random.Random) -> str:
    sentences = text.split(". ")
    source.shuffle(sentences)
    if source.random() < LENGTHENED:
        letters = source.choices("aeioubdfgklmnprstvz", k=source.randrange(4, 9))
        sentences.append("".join(letters))
    return ". ".join(sentences)


async def _is_filled(url: str) -> bool:
    async with open_database(url, "store") as opened:
        return bool(await opened.read(rows.newest))


async def _build(url: str, texts: Iterator[list[str]]) -> None:
    await fill(url, threads(texts))
    async with open_database(url, "store") as opened:
        await merge(opened, pause_s=0)


async def _measure(url: str, planted: Sequence[Planted]) -> dict[str, list[float]]:
    questions = [{"query": each.fact.question} for each in planted]
    common = [{"query": query} for query in islice(cycle(COMMON), ROUNDS)]
    one = [
        {"query": each.fact.question, "thread_id": thread_id(each.thread)}
        for each in planted[:: max(len(planted) // ROUNDS, 1)]
    ]
    asked: dict[str, list[Mapping[str, Any]]] = {
        "questions": [*questions],
        "only common words": [*common],
        ONE_THREAD: [*one],
        "newest first": [{**each, "order": "newest"} for each in questions[::5]],
        "of a role": [{**each, "role": "user"} for each in questions[::5]],
    }
    search, found = Search(), {}
    async with AsyncExitStack() as stack:
        await search.open(stack, url)
        for what, calls in asked.items():
            await search.hits(calls[0])
            found[what] = [(await search.hits(arguments))[1] for arguments in calls]
    return found


@click.command()
@click.argument("messages", type=click.IntRange(min=1))
@click.option("--database", "url", metavar="URL", help="Where the messages are, or will be.")
def main(messages: int, url: str | None) -> None:
    """Print the CPU time of a search through the tool, in a store of MESSAGES messages.

    The CPU time of a PostgreSQL server is not included.
    """
    texts, planted = said(messages)
    with database() as temporary:
        chosen = url or temporary
        if not asyncio.run(_is_filled(chosen)):
            begun = time.process_time()
            asyncio.run(_build(chosen, texts))
            print(f"filled: {(time.process_time() - begun) / messages * 1e6:.0f} µs a message")
        table = Table("search", "calls", "p50, ms of CPU", "p95", "longest")
        for what, taken in asyncio.run(_measure(chosen, planted)).items():
            shown = (percentile(taken, 50), percentile(taken, 95), max(taken))
            table.add_row(what, str(len(taken)), *(f"{each:.1f}" for each in shown))
        Console().print(table)


if __name__ == "__main__":
    main()
