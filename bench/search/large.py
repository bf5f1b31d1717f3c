"""`python -m bench.search.large MESSAGES`: the CPU time of a search in a store of any size.

The database is filled first if it has no messages, which takes 0.2 to 0.4 s of CPU for a thousand.
Give `--database` to keep it, `--postgres` to measure on a PostgreSQL server, and `--embeddings` to
also compare the vectors of an endpoint on loopback, which knows no language.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count, cycle, islice
from typing import Any, Final

import click
import httpx2
from rich.console import Console
from rich.table import Table

from backscroll.database.opening import open_database
from backscroll.store.search import rows
from backscroll.store.search.embeddings import Embeddings, Endpoint
from backscroll.store.search.meanings import QUERIES, Meanings
from backscroll.store.search.merging import merge
from bench.conversations import CHITCHAT, database, fill
from bench.figures import percentile
from bench.rows.search import (
    COMMON,
    ONE_THREAD,
    Search,
    conversations,
    hit_of,
    thread_id,
    threads,
)
from bench.search.facts import Planted, facts, plant
from bench.search.postgres import cpu_of, server, sizes
from bench.search.quality import Hit, Quality, quality
from tests.store.search.embedder import embedder

LENGTHENED: Final = 0.3
"""The share of messages of a copy that get a word of their own."""
ROUNDS: Final = 60
FIRST_COPY: Final = 100_000
"""More messages than the real conversations have."""


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


async def _embed(url: str, endpoint: Endpoint) -> None:
    async with open_database(url, "store") as opened, httpx2.AsyncClient() as http:
        await Meanings(opened, Embeddings(endpoint, http)).fill()


async def _measure(
    search: Search, url: str, planted: Sequence[Planted], *, embeddings: bool
) -> tuple[dict[str, list[float]], Quality]:
    if embeddings:
        planted = planted[:QUERIES]
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
    taken: dict[str, list[float]] = {}
    found: list[list[Hit]] = []
    async with AsyncExitStack() as stack:
        endpoint = None
        if embeddings:
            endpoint = Endpoint((await stack.enter_async_context(embedder())).url)
            begun = time.process_time()
            await _embed(url, endpoint)
            print(f"embedded: {time.process_time() - begun:.0f} s, the endpoint included")
        await search.open(stack, url, endpoint)
        for call in questions if embeddings else ():
            await search.hits(call)  # the store keeps the vectors, so the endpoint takes no time
        for what, calls in asked.items():
            await search.hits(calls[0])
            answers = [await search.hits(arguments) for arguments in calls]
            taken[what] = [ms for _, ms in answers]
            found = found or [[hit_of(hit) for hit in hits] for hits, _ in answers]
    return taken, quality(planted, found)


def _present(planted: Iterable[Planted], messages: int) -> list[Planted]:
    """Return the facts in the first `messages` messages. Only the first copy has facts."""
    texts, _ = said(min(messages, FIRST_COPY))
    number = sum(1 for _ in texts)
    return [each for each in planted if each.thread < number]


@click.command()
@click.argument("messages", type=click.IntRange(min=1))
@click.option("--database", "url", metavar="URL", help="Where the messages are, or will be.")
@click.option("--postgres", is_flag=True, help="Start a PostgreSQL server for the messages.")
@click.option("--embeddings", is_flag=True, help="Compare the vectors of an endpoint, too.")
def main(messages: int, url: str | None, *, postgres: bool, embeddings: bool) -> None:
    """Print the CPU time of a search through the tool, in a store of MESSAGES messages.

    The CPU time of a PostgreSQL server on this machine is included. That of the endpoint is not.
    """
    texts, planted = said(messages)
    with server() if postgres else database() as temporary:
        chosen = url or temporary
        is_postgres = chosen.startswith("postgres")
        if not asyncio.run(_is_filled(chosen)):
            begun = time.process_time()
            asyncio.run(_build(chosen, texts))
            print(f"filled: {(time.process_time() - begun) / messages * 1e6:.0f} µs a message")
        if is_postgres:
            size = sizes(chosen)
            text = sum(len(each.encode()) for of in said(messages)[0] for each in of)
            print(f"the index by the text: {size.index / text:.2f}; all: {size.whole / text:.2f}")
        search = Search(cpu_of(chosen)) if is_postgres else Search()
        present = _present(planted, messages)
        measured = _measure(search, chosen, present, embeddings=embeddings)
        taken, found = asyncio.run(measured)
        table = Table("search", "calls", "p50, ms of CPU", "p95", "longest")
        for what, times in taken.items():
            shown = (percentile(times, 50), percentile(times, 95), max(times))
            table.add_row(what, str(len(times)), *(f"{each:.1f}" for each in shown))
        Console().print(table)
        print(f"s1 {found.s1:.3f}, s5 {found.s5:.3f}, near5 {found.near5:.3f}")


if __name__ == "__main__":
    main()
