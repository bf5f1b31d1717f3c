"""`growth`: what each tool costs in a store that has grown, by what it costs in a small one.

Each engine is a row of its own, because filling a store of ten million messages takes long.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from itertools import count
from typing import Any, Final, Literal, TypeAlias

import httpx2

from backscroll.commands.rare_collections import rare_collections
from backscroll.database.opening import open_database
from backscroll.store.app import open_store
from backscroll.store.upkeep.maintenance import maintain
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Call
from bench.conversations import database
from bench.figures import (
    Claim,
    Outcome,
    Row,
    Samples,
    UnmeasuredError,
    figures,
    interleaved,
    percentile,
    ratio,
)
from bench.filling import A_CONVERSATION, LONG, Filled, fill
from bench.trial import Trial
from tests.postgres import postgres_server

SMALL: Final = 10_000
MESSAGES: Final = 1_000_000
ROUNDS: Final = 20
CALLS: Final = 5
"""Calls a sample, whose fastest counts: others wait for what a busy machine does in between."""
MOST: Final = 1.3

USUAL: Final = "thread_7"

Engine: TypeAlias = Literal["SQLite", "PostgreSQL"]
Arguments: TypeAlias = Mapping[str, Any]
_TOOLS: Final = {tool.name: tool for tool in TOOLS}


class _Grown:
    """A store of some size, and what is asked of it.

    Args:
        messages: how many messages it has.

    Attributes:
        size: the size of its database, in bytes; 0 before it is opened.
    """

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.size = 0
        self._long = messages // 10
        self._calls: defaultdict[tuple[str, str], Iterator[int]] = defaultdict(count)

    async def open(self, stack: AsyncExitStack, url: str) -> None:
        """Open the store, until the stack is closed."""
        async with open_database(url, "store") as opened:
            report = await maintain(opened, lambda _name, _total: lambda _amount: None)
        self.size = report.after.whole
        store = await stack.enter_async_context(open_store(url))
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app))
        self._client = Client(await stack.enter_async_context(http), EMBEDDED)

    async def milliseconds(self, tool: str, what: str) -> float:
        """Return how long the fastest of a few calls took."""
        fastest = math.inf
        for _ in range(CALLS):
            arguments = self._arguments(tool, what)
            begun = time.perf_counter()
            await _TOOLS[tool].run(Call.begin(self._client), dict(arguments))
            fastest = min(fastest, time.perf_counter() - begun)
        return fastest * 1_000

    def _arguments(self, tool: str, what: str) -> Arguments:
        number = next(self._calls[tool, what])
        thread, message = divmod(number, A_CONVERSATION)
        middle = f"msg_long_{self._long // 2}"
        every: dict[tuple[str, str], Arguments] = {
            ("list-threads", ""): {},
            ("list-messages", "of the longest"): {"thread_id": LONG},
            ("list-messages", "in its middle"): {"thread_id": LONG, "after": middle},
            ("list-messages", "around one"): {"thread_id": LONG, "around": middle},
            ("get-message", "of the longest"): {"thread_id": LONG, "message_id": middle},
            ("list-message-files", ""): {"thread_id": LONG, "message_id": middle},
            ("list-chat-completions", ""): {},
            ("get-chat-messages", ""): {"completion_id": "chatcmpl-0"},
            ("get-thread", ""): {"thread_id": LONG},
            ("list-responses", ""): {},
            ("search-messages", "one word of two"): {"query": "kettle number 40 of 7"},
            ("search-messages", "in one thread"): {"query": "kettle", "thread_id": USUAL},
            ("create-message", "in the longest"): {
                "thread_id": LONG,
                "role": "user",
                "content": f"new {number}",
            },
            ("create-message", "in a usual one"): {
                "thread_id": USUAL,
                "role": "user",
                "content": f"new {number}",
            },
            ("create-message", "in a new one"): {"role": "user", "content": f"new {number}"},
            ("modify-thread", ""): {"thread_id": USUAL, "metadata": {"number": str(number)}},
            ("modify-message", ""): {
                "thread_id": USUAL,
                "message_id": "msg_7_1",
                "metadata": {"number": str(number)},
            },
            ("search-messages", "in the longest"): {"query": "kettle", "thread_id": LONG},
            ("delete-message", "of the longest"): {
                "thread_id": LONG,
                "message_id": f"msg_long_{number}",
            },
            ("delete-message", "of a usual one"): {
                "thread_id": f"thread_{8 + thread}",
                "message_id": f"msg_{8 + thread}_{message}",
            },
        }
        return every[tool, what]


_CALLED: Final = (
    ("list-threads", ""),
    *(("list-messages", what) for what in ("of the longest", "in its middle", "around one")),
    ("get-message", "of the longest"),
    ("list-message-files", ""),
    ("list-chat-completions", ""),
    ("get-chat-messages", ""),
    ("get-thread", ""),
    ("list-responses", ""),
    *(("search-messages", what) for what in ("one word of two", "in one thread", "in the longest")),
    *(("create-message", what) for what in ("in the longest", "in a usual one", "in a new one")),
    ("modify-thread", ""),
    ("modify-message", ""),
    *(("delete-message", what) for what in ("of the longest", "of a usual one")),
)


_SEARCHES: Final = {"one word of two": 60, "in one thread": 15, "in the longest": 60}
"""The maximum 95th percentile of each search in the large store, in milliseconds. A search reads
more of a store or a conversation with more hits, up to a limit."""


@contextmanager
def _databases(engine: Engine, runner: asyncio.Runner) -> Iterator[tuple[str, str]]:
    """Yield the URLs of two empty databases."""
    if engine == "SQLite":
        with database() as small, database() as large:
            yield small, large
        return
    with postgres_server() as server:
        stack = AsyncExitStack()
        made = (stack.enter_async_context(server.database(empty=True)) for _ in range(2))
        small, large = [runner.run(opening) for opening in made]
        yield small, large
        runner.run(stack.aclose())


def _measure(engine: Engine, trial: Trial) -> Outcome:
    messages = trial.messages or trial.size(MESSAGES, quick=2 * SMALL)
    if messages < SMALL:
        raise UnmeasuredError(f"--messages must be {SMALL:,} or more")
    stores = _, large = _Grown(SMALL), _Grown(messages)
    with asyncio.Runner() as runner, _databases(engine, runner) as urls:
        stack = AsyncExitStack()
        filled = Filled()
        for at in trial.track(2, f"filling {engine}"):
            with rare_collections():
                filled = runner.run(fill(urls[at], stores[at].messages))
            runner.run(stores[at].open(stack, urls[at]))

        def sample(store: _Grown, tool: str, what: str) -> float:
            return runner.run(store.milliseconds(tool, what))

        contenders = {
            _name(tool, what, store): partial(sample, store, tool, what)
            for tool, what in _CALLED
            for store in stores
        }
        for contender in contenders.values():
            contender()  # warms up
        samples = interleaved(contenders, trial.rounds(ROUNDS, f"calling tools on {engine}"))
        runner.run(stack.aclose())
    costs = [
        claim for tool, what in _CALLED for claim in _costs(engine, tool, what, stores, samples)
    ]
    size = Claim(f"{engine}: the database by message", large.size / messages, unit="bytes")
    note = (
        f"{trial.arguments()}{messages:,} messages in conversations of {A_CONVERSATION}, and one"
        f" of {messages // 10:,}; by {SMALL:,} messages, of which one conversation has"
        f" {SMALL // 10:,}."
    )
    return Outcome(figures("ms", samples), (*filled.claims(engine), size, *costs), (note,))


def _costs(
    engine: Engine,
    tool: str,
    what: str,
    stores: tuple[_Grown, _Grown],
    samples: Mapping[str, Samples],
) -> Iterator[Claim]:
    small, large = (samples[_name(tool, what, store)] for store in stores)
    name = f"{engine}: {f'{tool} {what}'.strip()}"
    if tool != "search-messages":
        yield ratio(name, large, small, most=MOST)
        return
    yield ratio(name, large, small)
    yield Claim(f"{name}: 95th percentile", percentile(large, 95), most=_SEARCHES[what], unit="ms")


def _name(tool: str, what: str, store: _Grown) -> str:
    return f"Backscroll, {f'{tool} {what}'.strip()}, {store.messages:,} messages"


GROWTH: Final = Row(
    "growth",
    "each tool's cost in a large store on SQLite by that in a small one",
    partial(_measure, "SQLite"),
)
GROWTH_POSTGRES: Final = Row(
    "growth-postgres",
    "each tool's cost in a large store on PostgreSQL by that in a small one",
    partial(_measure, "PostgreSQL"),
)
