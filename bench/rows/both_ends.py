"""`both-ends`: a thread read whole on an upstream far away, from both of its ends and from one."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from backscroll_tools.arguments import validated
from backscroll_tools.client import requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import STORE, Upstream
from backscroll_tools.sessions.calls import begin, walk
from backscroll_tools.tool import Call
from backscroll_tools.tools.search_messages import SEARCH_MESSAGES
from bench.conversations import THREAD_ID, database, fill, numbered
from bench.figures import Outcome, Row, figures, interleaved, ratio
from bench.servers import served
from bench.trial import Trial

DELAY_S: Final = 0.05
SEARCHED: Final = 4_000
"""The messages of a thread that is searched. One call may read 5,000."""

SESSION_ID: Final = "thread_session"
SESSION: Final = 10_000
ROUNDS: Final = 6
MOST: Final = 0.55

BOTH: Final = "both ends"

_Read = Callable[[Client], Awaitable[int]]


async def _search(client: Client) -> int:
    """Search the thread, whose upstream has no search; return how many messages were read."""
    arguments = validated(SEARCH_MESSAGES, {"thread_id": THREAD_ID, "query": "parcel 1234"})
    found = await SEARCH_MESSAGES.run(Call.begin(client), arguments)
    scanned: int = found.structured["page"]["scanned"]
    return scanned


async def _read(client: Client) -> int:
    """Read a thread as sessions are read; return how many messages were read."""
    return len(await walk(begin(client), partial(requests.list_messages, SESSION_ID)))


class _Clients:
    """Two clients of the upstream for each way to read it: one for both ends, one for one end."""

    async def open(self, stack: AsyncExitStack, base_url: str) -> None:
        """Open the clients, until the stack is closed."""
        self._of: dict[tuple[_Read, bool], Client] = {}
        settings = Settings(upstream="compatible", base_url=base_url, api_key="none")
        upstreams = {_search: upstream_of(settings), _read: Upstream(STORE, base_url)}
        for read, upstream in upstreams.items():
            for both in (True, False):
                connection = UpstreamConnection(settings, upstream)
                client = await (await stack.enter_async_context(connection)).client()
                client.has_one_order = not both
                self._of[read, both] = client

    async def seconds(self, read: _Read, messages: int, *, both: bool) -> float:
        """Return how long it took to read the thread whole."""
        begun = time.perf_counter()
        if await read(self._of[read, both]) != messages:
            raise RuntimeError("not all messages were read")
        return time.perf_counter() - begun


def _measure(trial: Trial) -> Outcome:
    searched, session = trial.size(SEARCHED, quick=1_000), trial.size(SESSION, quick=1_000)
    clients = _Clients()
    with database() as url, asyncio.Runner() as runner:
        runner.run(fill(url, [numbered(searched), numbered(session, SESSION_ID)]))
        with served(url, delay_s=DELAY_S) as store:
            stack = AsyncExitStack()
            runner.run(clients.open(stack, store.base_url))

            def sample(read: _Read, messages: int, ends: str) -> float:
                both = ends == BOTH
                return runner.run(clients.seconds(read, messages, both=both))

            contenders = {
                f"Backscroll, {what} from {ends}": partial(sample, read, messages, ends)
                for what, read, messages in (
                    ("a search", _search, searched),
                    ("a session", _read, session),
                )
                for ends in (BOTH, "one end")
            }
            for contender in contenders.values():
                contender()  # warms up
            samples = interleaved(contenders, trial.rounds(ROUNDS, "reading a thread whole"))
            runner.run(stack.aclose())
    both, one, session_both, session_one = samples.values()
    note = (
        f"A search of {searched:,} messages, and a session of {session:,}; each reply takes "
        f"{DELAY_S * 1000:.0f} ms."
    )
    return Outcome(
        figures("s", samples),
        (
            ratio("a search: from both ends by one end", both, one, most=MOST),
            ratio("a session: from both ends by one end", session_both, session_one, most=MOST),
        ),
        (note,),
    )


BOTH_ENDS: Final = Row(
    "both-ends", "a thread read whole on an upstream 50 ms away, from one end and both", _measure
)
