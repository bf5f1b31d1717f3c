"""What agents change besides single messages: whole threads, copies and metadata."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import anyio

from tests.simulation.whole.agents import Agent
from tests.simulation.whole.ledger import MARK, Copy, Letter

if TYPE_CHECKING:
    from backscroll_tools.models import JSON

_ROUNDS: Final = 5
"""How many times an agent makes one call, or the calls of one copy."""


async def start(agent: Agent, letters: Sequence[Letter]) -> None:
    """Create a thread or conversation that has some letters from its start."""
    kind = agent.rng.choice(("thread", "conversation"))
    messages = [
        {name: letter.arguments[name] for name in ("role", "content")} for letter in letters
    ]
    arguments: JSON = {"kind": kind, "messages": messages}
    for _ in range(_ROUNDS):
        await agent.think()
        outcome = await agent.call("create-thread", arguments)
        for letter in letters:
            agent.ledger.reported(letter, outcome)
        arguments |= outcome.named
        if outcome.ending == "done":
            return
        if outcome.ending in {"cancelled", "gone"} and "idempotency_key" not in arguments:
            return


async def discard(agent: Agent, letters: Sequence[Letter]) -> None:
    """Create a thread or conversation, and then delete it."""
    await start(agent, letters)
    list_id = letters[0].list_id
    if not list_id:
        return
    for _ in range(_ROUNDS):
        await agent.think()
        before = letters[0].erased
        for letter in letters:
            letter.erased = "maybe"
        outcome = await agent.call("delete-thread", {"thread_id": list_id})
        if outcome.ending == "done" or (outcome.ending == "not_found" and before == "maybe"):
            for letter in letters:
                letter.erased, letter.erased_at = "yes", outcome.ended_at
            return
        if outcome.ending == "not_found":
            agent.ledger.broken(f"{list_id} is there, and delete-thread does not find it")


async def copy(agent: Agent, source: str) -> None:
    """Copy a thread or conversation, and go on where a call stops or fails."""
    copied = Copy(source)
    agent.ledger.copies.append(copied)
    await agent.think()
    arguments: JSON = {"thread_id": source, "idempotency_key": f"copy-{agent.rng.random()}"}
    copied.began_at = anyio.current_time()
    for number in range(_ROUNDS):
        # A copy whose source has changed since it was begun cannot be continued.
        also = ("invalid_arguments",) if number else ()
        outcome = await agent.call("copy-thread", arguments, *also)
        if outcome.ending == "invalid_arguments":
            return
        if outcome.ending == "done":
            structured = outcome.structured
            if copied.list_id not in {"", structured["thread_id"]}:
                agent.ledger.broken(f"a copy of {source} goes on in another list")
            copied.list_id = structured["thread_id"]
            if not structured["has_more"]:
                copied.is_whole = True
                return
            arguments["cursor"] = structured["next_cursor"]
        arguments |= outcome.named
        await agent.think()


async def mark(agent: Agent) -> None:
    """Give a message metadata."""
    written = [letter for letter in agent.ledger.letters if letter.id and letter.marked == "no"]
    if not written:
        return
    letter = agent.rng.choice(written)
    if letter.list_id.startswith("conv_"):
        return  # items have no metadata
    letter.marked = "maybe"
    metadata = [{"key": key, "value": value} for key, value in MARK.items()]
    arguments: JSON = {"thread_id": letter.list_id, "message_id": letter.id, "metadata": metadata}
    for _ in range(_ROUNDS):
        await agent.think()
        outcome = await agent.call("modify-message", arguments)
        if outcome.ending == "done":
            letter.marked = "yes"
            return
        if outcome.ending == "not_found" and letter.erased == "no":
            agent.ledger.broken(f"{letter.word} is there, and modify-message does not find it")
