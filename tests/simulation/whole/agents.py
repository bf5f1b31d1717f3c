"""What agents do: write, walk, read, search and erase."""

import random
from dataclasses import dataclass
from typing import Final

import anyio

from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from tests.simulation.actors import Reading
from tests.simulation.whole.hosts import Host, Outcome
from tests.simulation.whole.ledger import Ledger, Letter

COMMON: Final = "krpkt"
"""A word that is in every message."""

_ROUNDS: Final = 5
"""How many times an agent calls to write or erase one letter."""
_PAGES: Final = 40
"""How many pages of one walk an agent requests, including failed ones."""
_THOUGHT_S: Final = (0.0, 0.5, 5.0, 40.0)
_ENDINGS: Final = frozenset(
    {
        *("done", "cancelled", "gone", "deadline_exceeded", "not_found", "outcome_unknown"),
        *("rate_limited", "upstream_invalid", "upstream_unavailable"),
    }
)
"""How a call may end whose arguments are valid."""


@dataclass(slots=True, eq=False)
class Agent:
    """One agent on a host.

    Attributes:
        host: the host.
        ledger: what is known of all letters.
        rng: the only source of chance for what it does.
    """

    host: Host
    ledger: Ledger
    rng: random.Random

    async def think(self) -> None:
        """Let some time pass."""
        await anyio.sleep(self.rng.choice(_THOUGHT_S) * self.rng.random())

    async def call(self, tool: str, arguments: JSON, *also: str) -> Outcome:
        """Call a tool, and check what every call promises.

        Args:
            tool: the tool's name.
            arguments: its arguments.
            also: other ways in which this call may end.
        """
        rng, ledger, settings = self.rng, self.ledger, self.host.settings
        cancel_s = rng.random() * 20 if rng.random() < 0.05 else float("inf")
        shown = {name: value for name, value in arguments.items() if name in _NOTED}
        ledger.note(f"{self.host.name} {tool} {shown}")
        outcome = await self.host.call(tool, arguments, cancel_s)
        page = outcome.structured.get("page", {})
        ledger.note(
            f"{self.host.name} {tool} -> {outcome.ending} {page.get('returned', '')} "
            f"{page.get('stopped_by', '')} {outcome.retry[:60]}"
        )
        if outcome.ending not in _ENDINGS.union(also):
            ledger.broken(f"{tool} ended with {outcome.ending}: {outcome.text[:200]}")
        seconds = outcome.ended_at - outcome.began_at
        if seconds > settings.deadline_s + 0.001:
            ledger.broken(f"{tool} took {seconds} s")
        if len(outcome.text) + len(compact(outcome.structured)) > settings.result_chars:
            ledger.broken(f"{tool} returned a result that is too long")
        if page and page["has_more"] != (page["next_cursor"] is not None):
            ledger.broken(f"{tool} has more, or a cursor, and not both")
        return outcome


_NOTED: Final = frozenset({"thread_id", "message_id", "limit", "order", "query"})


async def write(agent: Agent, letter: Letter) -> None:
    """Write a letter like a careful agent, which retries only if the error says this is safe."""
    for _ in range(_ROUNDS):
        await agent.think()
        outcome = await agent.call("create-message", letter.arguments)
        has_key = "idempotency_key" in letter.arguments
        agent.ledger.reported(letter, outcome)
        if outcome.ending == "done":
            if agent.rng.random() < 0.8:
                return
        elif outcome.ending in {"cancelled", "gone"}:
            if not has_key:
                return
        elif not outcome.retry.startswith("safe") and "idempotency_key" not in letter.arguments:
            return


async def repeat(agent: Agent) -> None:
    """Repeat, much later, the calls that wrote letters, as an agent that has lost its place."""
    for letter in agent.ledger.letters:
        if letter.id and letter.erased == "no" and "idempotency_key" in letter.arguments:
            agent.ledger.reported(letter, await agent.call("create-message", letter.arguments))


async def erase(agent: Agent, letter: Letter) -> None:
    """Write a letter, and then erase it."""
    await write(agent, letter)
    if not letter.id:
        return
    arguments = {"thread_id": letter.list_id, "message_id": letter.id}
    for _ in range(_ROUNDS):
        await agent.think()
        before = letter.erased
        letter.erased = "maybe"
        outcome = await agent.call("delete-message", arguments)
        if outcome.ending == "done" or (outcome.ending == "not_found" and before == "maybe"):
            letter.erased, letter.erased_at = "yes", outcome.ended_at
            return
        if outcome.ending == "not_found":
            agent.ledger.broken(f"{letter.word} is there, and delete-message does not find it")


async def walk(agent: Agent, list_id: str) -> None:
    """Read a list from one end to the other by cursors, and repeat the calls that fail."""
    rng, ledger = agent.rng, agent.ledger
    await agent.think()
    order = rng.choice(("asc", "desc"))
    limit = {"limit": rng.choice((1, 2, 5, 100))}
    arguments: JSON = {"thread_id": list_id, "order": order, **limit}
    reading, began_at = Reading(), float("inf")
    for _ in range(_PAGES):
        outcome = await agent.call("list-messages", arguments)
        if outcome.ending == "done":
            began_at = min(began_at, outcome.began_at)
            for message in outcome.structured["messages"]:
                reading.add(message)
            page = outcome.structured["page"]
            if not page["has_more"]:
                since = outcome.began_at if order == "asc" else began_at
                before = ledger.required_in(list_id, since)
                ledger.check_walk(list_id, reading, began_at, before)
                return
            arguments = {"thread_id": list_id, "cursor": page["next_cursor"], **limit}
        if rng.random() < 0.3:
            await agent.think()


async def read(agent: Agent) -> None:
    """Read letters that were reported to be written."""
    ledger = agent.ledger
    for _ in range(3):
        await agent.think()
        written = [letter for letter in ledger.letters if letter.id]
        if not written:
            continue
        letter = agent.rng.choice(written)
        arguments: JSON = {"thread_id": letter.list_id, "message_id": letter.id}
        reading = Reading()
        for _ in range(_PAGES):
            outcome = await agent.call("get-message", arguments)
            if outcome.ending == "not_found" and letter.erased == "no":
                ledger.broken(f"get-message does not find {letter.word}")
            if outcome.ending != "done":
                break
            if letter.erased_at < outcome.began_at:
                ledger.broken(f"get-message finds {letter.word}, which was erased")
            if "message" in outcome.structured:
                reading.add(outcome.structured["message"])
            cursor = outcome.structured["page"]["next_cursor"]
            if cursor is None:
                if reading.texts != {letter.id: letter.text} or reading.repeated:
                    ledger.broken(f"get-message altered {letter.word}")
                break
            arguments["cursor"] = cursor


async def search(agent: Agent) -> None:
    """Search for single letters, and for all of them."""
    rng, ledger = agent.rng, agent.ledger
    for _ in range(3):
        await agent.think()
        word = rng.choice((COMMON, rng.choice(ledger.letters).word))
        arguments: JSON = {"query": word, "limit": rng.choice((1, 3, 50))}
        arguments["order"] = rng.choice(("relevance", "newest", "oldest"))
        found: list[str] = []
        began_at = float("inf")
        for _ in range(_PAGES):
            outcome = await agent.call("search-messages", arguments)
            if outcome.ending == "done":
                began_at = min(began_at, outcome.began_at)
                for hit in outcome.structured["hits"]:
                    found += [
                        each["id"] for each in (hit, *hit.get("before", ()), *hit.get("after", ()))
                    ]
                page = outcome.structured["page"]
                if not page["has_more"]:
                    check_search(ledger, word, found, began_at)
                    break
                arguments["cursor"] = page["next_cursor"]


def check_search(ledger: Ledger, word: str, found: list[str], since: float) -> None:
    """Check that a search found all that it had to find, once, and nothing else."""
    if len(found) != len(set(found)):
        ledger.broken(f"a search for {word} found a message twice: {found}")
    for letter in ledger.letters:
        if not letter.id:
            continue
        matches = word in letter.text.split()
        if matches and letter.must_be_there(since) and letter.id not in found:
            ledger.broken(f"a search for {word} did not find {letter.word}")
        if letter.id in found and (not matches or letter.erased_at < since):
            ledger.broken(f"a search for {word} found {letter.word}")


async def browse(agent: Agent) -> None:
    """Walk the list of threads and conversations."""
    ledger, found, began_at = agent.ledger, set[str](), float("inf")
    arguments: JSON = {"limit": agent.rng.choice((1, 2, 50))}
    arguments["order"] = agent.rng.choice(("asc", "desc"))
    for _ in range(_PAGES):
        outcome = await agent.call("list-threads", arguments)
        if outcome.ending == "done":
            began_at = min(began_at, outcome.began_at)
            found |= {each["id"] for each in outcome.structured["threads"]}
            page = outcome.structured["page"]
            if not page["has_more"]:
                missing = {
                    letter.list_id
                    for letter in ledger.letters
                    if letter.must_be_there(began_at) and letter.list_id not in found
                }
                if missing:
                    ledger.broken(f"list-threads left out {sorted(missing)}")
                return
            arguments["cursor"] = page["next_cursor"]
        await agent.think()
