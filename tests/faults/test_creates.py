"""A message is written once and acknowledged once, whatever the network does."""

# mypy: disable-error-code="deprecated"
# The official client marks all of `beta.threads` so; what it does with a lost reply is the point.

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import openai
import pytest

from backscroll_tools.client.client import Client
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Result
from tests.faults.agents import CALLERS, DEADLINE_S, FAULTS, MAY_CALL_AGAIN
from tests.faults.figures import record, sized
from tests.faults.plans import CLEAN, drawing
from tests.faults.proxy import Proxy, Seen
from tests.faults.upstream import HURRIED, Kind, Served, call, client_of
from tests.loopback import NO_TLS
from tests.pace import limit_s

if TYPE_CHECKING:
    from backscroll_tools.models import JSON

CREATES: Final = sized(quick=60, long=3_000)
LAG_S: Final = DEADLINE_S / 4
"""How long what has come may wait for a busy machine before the client reads it."""

CALLS: Final = 12
"""How often one create is called at most; the network is whole from the third on."""

_KEY: Final = re.compile(r'idempotency_key "([^"]+)"')


@dataclass
class Caller:
    """One agent with a thread of its own, and what it was told.

    Attributes:
        acknowledged: the text that each acknowledged message was to have, by id.
        endings: how many calls ended in which way.
        broken: the promises that were broken, and the creates that did it.
        before: the requests of earlier calls for the message that is being written.
        cut_off: whether one of these calls ended at its deadline without knowing.
        history: what happened, a line for each call, for a failing run to show.
    """

    kind: Kind
    seed: int
    proxy: Proxy
    client: Client
    thread: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    before: list[Seen] = field(default_factory=list)
    cut_off: bool = False
    history: list[str] = field(default_factory=list)

    async def create(self, number: int) -> None:
        """Create a message, calling again as each error says, until it is acknowledged."""
        # Some say the same, so that they cannot be told apart by what they say.
        text = "yes" if number % 5 == 0 else f"create {number} é\u2028\U0001f600"
        arguments: JSON = {"role": "user", "content": text}
        if number % 10 != 3:
            arguments["thread_id"] = self.thread
        if number % 3 == 0:
            arguments["idempotency_key"] = f"order-{number}"
        self.before, self.cut_off = [], False
        for attempt in range(CALLS):
            self._plan(number, attempt)
            began = asyncio.get_running_loop().time()
            outcome = await call(self.client, "create-message", arguments, DEADLINE_S)
            said = outcome.text if isinstance(outcome, Result) else outcome.render()
            self.history.append(f"{self.thread} {number}: {said!r} after {self.proxy.seen}")
            if isinstance(outcome, Result):
                self.endings["written"] += 1
                await self._acknowledge(number, text, outcome)
                break
            self.endings[outcome.code] += 1
            ended = asyncio.get_running_loop().time()
            await self.proxy.quiet()  # what had left the client may not have come to the proxy yet
            self._check(number, outcome, began, ended)
            if key := _KEY.search(outcome.next_step):
                arguments["idempotency_key"] = key[1]
            self.before += self.proxy.seen
            await self._wait(outcome)
        else:
            self.broken.append(f"create {number} never ended")
        await self.proxy.quiet()

    def _plan(self, number: int, attempt: int) -> None:
        chance = FAULTS if attempt < 2 else 0.0
        self.proxy.begin(drawing(f"{self.seed}/{number}/{attempt}", chance))

    async def _wait(self, error: ToolError) -> None:
        """Wait as the error says: until what was on its way has come, or cannot come."""
        await self.proxy.quiet()
        if found := re.search(r"in (\d+) s", error.next_step):
            await asyncio.sleep(int(found[1]))

    async def _acknowledge(self, number: int, text: str, result: Result) -> None:
        message = result.structured.get("message")
        if message is None:  # of a thread that it began, which could not be read
            where = {"thread_id": result.structured["thread_id"]}
            self.proxy.begin(lambda _method, _number: CLEAN)
            listed = await call(self.client, "list-messages", where, limit_s(10))
            assert isinstance(listed, Result), listed
            (message,) = listed.structured["messages"]
        if message["id"] in self.acknowledged:
            self.broken.append(f"create {number} was told of another's message")
        self.acknowledged[message["id"]] = text

    def _check(self, number: int, error: ToolError, began: float, ended: float) -> None:
        """Hold an error against what truly became of the requests of its call."""
        if error.code not in MAY_CALL_AGAIN:
            self.broken.append(f"create {number} failed with {error.render()}")
        if error.code != "outcome_unknown":
            return
        last, before = self.proxy.seen, self.before
        self.cut_off |= ended - began >= DEADLINE_S
        if not _is_unknowable(last, before, began, ended, cut_off=self.cut_off):
            self.broken.append(
                f"create {number} could have been known from {began} to {ended}: {before} {last}"
            )


def _is_unknowable(
    last: list[Seen], before: list[Seen], began: float, ended: float, *, cut_off: bool
) -> bool:
    """Whether a caller to whom these requests happened cannot know if its message was written.

    No answer told it of success, no list that was made after the write did, and there was a write
    that nobody refused.

    Args:
        last: the requests of the call that did not know, in order.
        before: those of earlier calls for the same message.
        began: when the call began, in seconds of the loop's clock.
        ended: when it ended.
        cut_off: whether this call or an earlier one ended at its deadline.
    """
    writes = [each for each in (*before, *last) if each.writes]
    if not writes:  # it was cut off on its way out, and a later call cannot know that
        return cut_off
    if all(each.plan.refuses for each in writes):
        return False
    acted = min(each.acted for each in writes)
    # What was passed on at the last moment may have come when the client had given up on it: it
    # gives an attempt half of the time that is left.
    heard = [
        each
        for each in last
        if each.told + LAG_S < min(ended, (each.begun + began + DEADLINE_S) / 2)
    ]
    return not any(each.writes or each.begun > acted for each in heard)


@pytest.fixture
async def callers(served: Served, seed: int, kind: Kind) -> AsyncIterator[list[Caller]]:
    async with AsyncExitStack() as stack:
        made: list[Caller] = []
        for _ in range(CALLERS):
            proxy = Proxy(served.port, strips_keys=kind != "store")
            await stack.enter_async_context(proxy.serving())
            client = await stack.enter_async_context(client_of(proxy, HURRIED[kind]))
            made.append(Caller(kind, seed, proxy, client, await served.new(kind)))
        yield made


@pytest.mark.timeout(limit_s(sized(quick=60, long=1_200)))
@pytest.mark.parametrize("kind", ["store", "threads", "conversations"])
async def test_every_create_is_written_once_and_acknowledged_once(
    callers: list[Caller], served: Served, seed: int, kind: Kind
) -> None:
    async def work(index: int, caller: Caller) -> None:
        for number in range(index, CREATES, CALLERS):
            await caller.create(number)

    await asyncio.gather(*(work(index, caller) for index, caller in enumerate(callers)))

    broken = [promise for caller in callers for promise in caller.broken]
    endings = sum((caller.endings for caller in callers), Counter[str]())
    acknowledged = {key: text for caller in callers for key, text in caller.acknowledged.items()}
    there = served.texts()
    altered = [key for key in acknowledged.keys() & there if acknowledged[key] != there[key]]
    lost, more = acknowledged.keys() - there.keys(), there.keys() - acknowledged.keys()
    told = [line for caller in callers for line in _about(caller, {*lost, *more}, there)]
    assert (broken, altered, lost, more) == ([], [], set(), set()), (
        f"seed {seed} {endings} {broken} {told}"
    )
    assert len(acknowledged) == CREATES
    rate = endings["outcome_unknown"] / endings.total()
    record(
        f"creates under faults, {_NAMES[kind]}",
        f"{CREATES:,} creates in {endings.total():,} calls: 0 duplicates, 0 lost acknowledgements, "
        f"0 altered texts; outcome_unknown in {rate:.1%} of calls, none of them knowable",
    )


def _about(caller: Caller, ids: set[str], there: dict[str, str]) -> list[str]:
    """Return what a caller was told before and after messages that should be there, or not."""
    neighbours: set[str] = set()
    order = list(there)
    for at in (order.index(each) for each in ids & there.keys()):
        neighbours |= set(order[max(0, at - 3) : at + 4])
    wanted = [re.compile(rf" {key} ") for key in {*ids, *neighbours}]
    numbers = {
        line.partition(":")[0]
        for line in caller.history
        if any(each.search(line) for each in wanted)
    }
    return [line for line in caller.history if line.partition(":")[0] in numbers]


_NAMES: Final[dict[Kind, str]] = {
    "store": "store upstream",
    "threads": "threads, upstream ignores keys",
    "conversations": "conversations, upstream ignores keys",
}


@pytest.mark.timeout(limit_s(sized(quick=60, long=1_200)))
@pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning")
async def test_the_official_client_writes_some_messages_twice_on_the_same_schedule(
    served: Served, seed: int
) -> None:
    creates, callers = sized(quick=60, long=3_000), sized(quick=20, long=15)
    failed: list[str] = []

    async def work(index: int, proxy: Proxy, client: openai.AsyncOpenAI) -> None:
        thread = await served.new("store")
        for number in range(index, creates, callers):
            proxy.begin(drawing(f"{seed}/{number}/0", FAULTS))
            text = f"create {number}"
            try:
                await client.beta.threads.messages.create(thread, role="user", content=text)
            except (openai.APIError, ValueError):
                failed.append(text)
            await proxy.quiet()

    async with AsyncExitStack() as stack:
        ready: list[tuple[Proxy, openai.AsyncOpenAI]] = []
        for _ in range(callers):
            proxy = await stack.enter_async_context(Proxy(served.port).serving())
            client = openai.AsyncOpenAI(
                api_key="unused",
                base_url=proxy.url,
                timeout=DEADLINE_S / 2,
                http_client=openai.DefaultAsyncHttpxClient(verify=NO_TLS),
            )
            assert client.beta.threads.messages is not None  # imported before time counts
            ready.append((proxy, await stack.enter_async_context(client)))
        await asyncio.gather(*(work(index, *each) for index, each in enumerate(ready)))

    times = Counter(served.texts().values())
    more = sum(times.values()) - len(times)
    assert more > 0, f"seed {seed}"
    record(
        "creates on the same schedule, official SDK",
        f"{creates:,} creates: {more:,} duplicates; {len(failed):,} raised, of which "
        f"{sum(text in times for text in failed):,} had been written",
    )
