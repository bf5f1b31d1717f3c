"""Agents behind faulty networks, which repeat each failed call as its error says."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import AGENT_SESSIONS
from backscroll_tools.client.profiles import Profile
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Result
from tests.faults.figures import record, sized
from tests.faults.plans import drawing
from tests.faults.proxy import Proxy, Seen
from tests.faults.upstream import call, client_of
from tests.pace import paced_s

COUNT: Final = sized(quick=5, long=500)
"""How often a tool is called, for another object each time."""

CALLERS: Final = 10
FAULTS: Final = 0.5
"""The share of requests to which something happens."""

CALLS: Final = 20
"""How often one call is repeated at most; the network is whole from the third one on."""

DEADLINE_S: Final = paced_s(sized(quick=1, long=2))
"""Twice what one attempt may take; a store that syncs every commit needs some of it."""

MISSING: Final = frozenset({"not_found", "upstream_retired"})
"""The codes for an object that does not exist: the second, if the text of the reply was lost."""

_NEXT: Final = re.compile(r'(idempotency_key|cursor) "([^"]+)"')
MAY_CALL_AGAIN: Final = frozenset(
    {
        "deadline_exceeded",
        "outcome_unknown",
        "rate_limited",
        "thread_busy",
        "upstream_invalid",
        "upstream_unavailable",
    }
)
"""The codes of errors after which an agent can call again."""


@dataclass
class Agent:
    """An agent behind a faulty network, and what it was told.

    Attributes:
        endings: how many calls ended in which way.
        broken: the promises that were broken.
    """

    seed: int
    proxy: Proxy
    client: Client
    endings: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    async def finish(
        self, tool: str, number: int, arguments: JSON, final: Collection[ErrorCode] = ()
    ) -> JSON:
        """Call a tool, repeating the call as each error says, until it is done.

        Args:
            tool: the name of the tool.
            number: the number of the call.
            arguments: the arguments of the call.
            final: the codes of errors after which the call is not repeated. The result is then
                empty, except for `refused`.
        """
        seen: list[Seen] = []
        schema = next(each for each in TOOLS if each.name == tool)
        for attempt in range(CALLS):
            chance = FAULTS if attempt < 2 else 0.0
            self.proxy.begin(drawing(f"{self.seed}/{tool}/{number}/{attempt}", chance))
            outcome = await call(self.client, tool, validated(schema, arguments), DEADLINE_S)
            await self.proxy.quiet()
            seen += self.proxy.seen
            if isinstance(outcome, Result):
                self.endings["done"] += 1
                if not outcome.structured.get("has_more"):
                    return outcome.structured
                arguments["cursor"] = outcome.structured["next_cursor"]
                continue
            self.endings[outcome.code] += 1
            if outcome.code in final:
                return {"refused": outcome.code}
            if outcome.code in MISSING and any(_refused_yet_done(each) for each in seen):
                return {}  # a refusal says that nothing was done, which was not true
            self._hold(tool, number, outcome)
            for name, value in _NEXT.findall(outcome.next_step):
                arguments[name] = value
            if found := re.search(r"in (\d+) s", outcome.next_step):
                await asyncio.sleep(int(found[1]))
        self.broken.append(f"{tool} {number} never ended")
        return {}

    def _hold(self, tool: str, number: int, error: ToolError) -> None:
        if error.code not in MAY_CALL_AGAIN:
            self.broken.append(f"{tool} {number} failed with {error.render()}")
        sent = [each for each in self.proxy.seen if each.method != "GET"]
        if error.code == "outcome_unknown" and sent and all(each.plan.refuses for each in sent):
            self.broken.append(f"{tool} {number} was refused, and could have been known")
        acted = [each for each in sent if each.acted < float("inf") and not each.plan.refuses]
        if "nothing was written" in error.retry and acted:
            self.broken.append(f"{tool} {number} was done, and the agent told: {error.render()}")


def _refused_yet_done(seen: Seen) -> bool:
    return seen.method == "DELETE" and seen.plan.refuses and seen.acted < float("inf")


@asynccontextmanager
async def agents(port: int, seed: int, profile: Profile) -> AsyncIterator[list[Agent]]:
    """Yield agents that call an upstream on a port of this machine through faulty networks."""
    async with AsyncExitStack() as stack:
        made: list[Agent] = []
        for _ in range(min(CALLERS, COUNT)):
            ignored = not profile.honours_idempotency_keys and AGENT_SESSIONS not in profile.serves
            proxy = Proxy(port, strips_keys=ignored)
            await stack.enter_async_context(proxy.serving())
            client = await stack.enter_async_context(client_of(proxy, profile))
            made.append(Agent(seed, proxy, client))
        yield made


@dataclass(frozen=True)
class Tally:
    """What came of all calls of a tool."""

    results: list[JSON]
    endings: Counter[str]

    def said(self, tool: str, upstream: str, what: str) -> None:
        """Record the figures for the long profile."""
        rate = self.endings["outcome_unknown"] / self.endings.total()
        record(
            f"{tool} under faults, {upstream}",
            f"{COUNT:,} in {self.endings.total():,} calls: {what}; outcome_unknown in {rate:.1%} "
            "of calls",
        )


async def called(
    port: int,
    seed: int,
    profile: Profile,
    tool: str,
    arguments: Callable[[int], JSON],
    *,
    final: Collection[ErrorCode] = (),
) -> Tally:
    """Call a tool `COUNT` times, by several agents at once; `Agent.finish` describes `final`."""
    results: dict[int, JSON] = {}

    async def work(agent: Agent, numbers: range) -> None:
        for number in numbers:
            results[number] = await agent.finish(tool, number, arguments(number), final)

    async with agents(port, seed, profile) as made:
        many = len(made)
        works = (work(agent, range(at, COUNT, many)) for at, agent in enumerate(made))
        await asyncio.gather(*works)
        broken = [promise for agent in made for promise in agent.broken]
        endings = sum((agent.endings for agent in made), Counter[str]())
    assert broken == [], f"seed {seed}: {broken}"
    return Tally([results[number] for number in range(COUNT)], endings)
