"""`search`: the CPU time and quality of a search through the tool, and the size of its index."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import httpx2

from backscroll.database.opening import open_database
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll.store.search.embeddings import Endpoint
from backscroll.store.search.merging import merge
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.search.query import parse
from backscroll_tools.search.tokenizer import tokens
from backscroll_tools.tool import Call
from backscroll_tools.tools.search_messages import SEARCH_MESSAGES
from bench.conversations import CHITCHAT, chats, database, fill, joined
from bench.figures import Claim, Outcome, Row, Samples, UnmeasuredError, figures, percentile
from bench.search import archives
from bench.search.facts import Planted, facts, plant
from bench.search.quality import FIRST, NEAR, Hit, quality
from bench.trial import Trial

CONVERSATIONS: Final = CHITCHAT
"""Real conversations: 67,707 messages, joined to the length of an average one. In a much
smaller store, the words themselves take a larger share of the index."""
QUICK: Final = 600
"""The number of real conversations in a quick run. It is enough to put each fact into a different
conversation, although the shortest conversations are left out."""

COMMON: Final = (
    "What did they say about it?",
    "who was that",
    "and then what",
    "is it what it was",
)
"""Questions that have only common words."""
THREAD_ROUNDS: Final = 200
COMMON_ROUNDS: Final = 60

QUESTIONS: Final = "Backscroll, a question in all threads"
COMMON_WORDS: Final = "Backscroll, only common words"
ONE_THREAD: Final = "Backscroll, a question in one thread"

MOST_MS: Final = {QUESTIONS: 60.0, COMMON_WORDS: 60.0, ONE_THREAD: 15.0}
"""The maximum 95th percentile of each kind of search, in milliseconds of CPU time."""
INDEX_BY_TEXT: Final = 0.25
"""The maximum size of the index, as a share of the text that it indexes."""
DATABASE_BY_TEXT: Final = 2.2
"""The maximum size of the database, as a multiple of the text in it."""
LEAST: Final = {"s1": 65.0, "s5": 86.0, "near5": 78.0}
"""The minimum number of questions, of a hundred, for each measure of quality."""
MEANINGS: Final = {
    "s1": "the first hit is in the right conversation",
    "s5": f"one of the first {FIRST} is",
    "near5": f"one of them is within {NEAR} messages of the answer",
}

_INDEX: Final = ("search_terms", "search_rows", "search_scopes", "search_pending")


class Search:
    """`search-messages` on a store in this process, to measure the CPU time of both together.

    Args:
        server_ms: returns the milliseconds of CPU that a database server has taken so far.
    """

    def __init__(self, server_ms: Callable[[], float] = lambda: 0.0) -> None:
        self._server_ms = server_ms

    async def open(self, stack: AsyncExitStack, url: str, endpoint: Endpoint | None = None) -> None:
        """Open the store, until the stack is closed.

        Args:
            stack: closes the store.
            url: the database.
            endpoint: the endpoint of embeddings; None to compare only words.
        """
        store = await stack.enter_async_context(open_store(url, endpoint=endpoint))
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app))
        self._client = Client(await stack.enter_async_context(http), EMBEDDED)

    async def hits(self, arguments: Mapping[str, Any]) -> tuple[list[dict[str, Any]], float]:
        """Return the first page of hits, and the milliseconds of CPU that it took."""
        of_server, begun = self._server_ms(), time.process_time()
        result = await SEARCH_MESSAGES.run(Call.begin(self._client), {**arguments})
        taken = (time.process_time() - begun) * 1_000
        return result.structured["hits"], taken + self._server_ms() - of_server


def conversations(number: int) -> list[list[str]]:
    """Return the texts of real conversations, joined to the length of an average message.

    Args:
        number: how many to read. Conversations that are shorter than one message are left out.
    """
    return [texts for each in chats(number) if (texts := list(joined(_texts(each))))]


def _texts(thread: ImportedThread) -> list[str]:
    return [str(message.content) for message in thread.messages]


def threads(texts: Iterable[Sequence[str]]) -> Iterator[ImportedThread]:
    """Yield a thread for each list of texts. The index of the list is a part of the thread's id."""
    for number, said in enumerate(texts):
        yield ImportedThread(
            key=thread_id(number),
            id=thread_id(number),
            created_at=number,
            messages=[
                ImportedMessage(
                    id=f"msg_{number}_{position}",
                    role="assistant" if position % 2 else "user",
                    content=text,
                    created_at=number + position,
                )
                for position, text in enumerate(said)
            ],
        )


def thread_id(number: int) -> str:
    """Return the id of the thread with this number."""
    return f"thread_{number}"


def hit_of(hit: Mapping[str, Any]) -> Hit:
    """Return the numbers of a hit's thread and of its message there."""
    _, thread, position = hit["id"].split("_")
    return int(thread), int(position)


def _quality(asked: Sequence[Planted], found: Sequence[list[dict[str, Any]]]) -> Iterator[Claim]:
    shares = quality(asked, ([hit_of(hit) for hit in hits] for hits in found))
    for name, share in (("s1", shares.s1), ("s5", shares.s5), ("near5", shares.near5)):
        yield Claim(f"{name}: {MEANINGS[name]}", 100 * share, least=LEAST[name], unit="%")


def _empty(
    asked: Sequence[Planted], found: Sequence[list[dict[str, Any]]], texts: Sequence[Sequence[str]]
) -> Claim:
    """Return how many questions had no hits although a message contains one of their words."""
    empty = [each.fact.question for each, hits in zip(asked, found, strict=True) if not hits]
    words = {word for said in texts for text in said for word in tokens(text).terms}
    missed = sum(not words.isdisjoint(parse(question).terms) for question in empty)
    return Claim("questions without a hit, although a word occurs", missed, most=0, unit="")


async def _merged(url: str) -> None:
    """Merge the parts of the index, as a server does in the background."""
    async with open_database(url, "store") as opened:
        await merge(opened, pause_s=0)


def _sizes(path: Path, text_bytes: int) -> list[Claim]:
    """Return the sizes of the index and of the whole database, divided by the size of the text.

    Nothing is returned if SQLite was built without `dbstat`.
    """
    names = " OR ".join(f"name LIKE '{name}%'" for name in _INDEX)
    query = f"SELECT sum(pgsize), sum(iif({names}, pgsize, 0)) FROM dbstat"  # noqa: S608 - our own names
    try:
        with closing(sqlite3.connect(path)) as opened:
            [(whole, index)] = opened.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []
    return [
        Claim("the index by the text", index / text_bytes, most=INDEX_BY_TEXT),
        Claim("the whole database by the text", whole / text_bytes, most=DATABASE_BY_TEXT),
    ]


def _measure(trial: Trial) -> Outcome:
    number = trial.size(CONVERSATIONS, quick=QUICK)
    texts, planted = plant(list(facts()), conversations(number))
    messages = sum(map(len, texts))
    text_bytes = sum(len(text.encode()) for said in texts for text in said)
    search, stack = Search(), AsyncExitStack()
    samples: dict[str, Samples] = {}
    with database() as url, asyncio.Runner() as runner:
        begun = time.process_time()
        runner.run(fill(url, threads(texts)))
        imported = (time.process_time() - begun) / messages * 1e6
        runner.run(_merged(url))
        sizes = _sizes(Path(url.removeprefix("sqlite:///")), text_bytes)
        runner.run(search.open(stack, url))

        def asked(what: str, queries: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
            runner.run(search.hits(queries[0]))  # warms up
            answers = [
                runner.run(search.hits(queries[at])) for at in trial.track(len(queries), what)
            ]
            samples[what] = [taken for _, taken in answers]
            return [hits for hits, _ in answers]

        found = asked(QUESTIONS, [{"query": each.fact.question} for each in planted])
        common = islice(cycle(COMMON), trial.size(COMMON_ROUNDS, quick=len(COMMON)))
        asked(COMMON_WORDS, [{"query": query} for query in common])
        in_threads = [
            {"query": each.fact.question, "thread_id": thread_id(each.thread)}
            for each in planted[: trial.size(THREAD_ROUNDS, quick=10)]
        ]
        asked(ONE_THREAD, in_threads)
        runner.run(stack.aclose())
    others: list[Claim] = []
    notes = []
    limits = [(what, percentile(taken, 95)) for what, taken in samples.items()]
    try:
        for series, taken, claims in archives.compared(texts, planted, text_bytes):
            others += claims
            if taken:
                samples[series] = taken
    except UnmeasuredError as error:
        notes.append(str(error))
    slow = (
        Claim(f"{what}: 95th percentile", taken, most=MOST_MS[what], unit="ms")
        for what, taken in limits
    )
    about = (
        f"CPU time of client and store together, on SQLite with {messages:,} messages of "
        f"{text_bytes // messages} bytes on average in {len(texts):,} conversations, "
        f"{len(planted)} of which have a fact, with a question about it in one of six languages. "
        "The other programs run apart, without a network, and their CPU time is that of a search."
    )
    return Outcome(
        figures("ms", samples),
        (
            *slow,
            *_quality(planted, found),
            _empty(planted, found, texts),
            *sizes,
            Claim("CPU of an imported message, indexed", imported, unit="µs"),
            *others,
        ),
        (about, *notes),
    )


SEARCH: Final = Row("search", "a search through the tool, what it finds, and its index", _measure)
