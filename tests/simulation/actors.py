"""The actors of a simulated world: agents that write, page and read, and other clients."""

import math
from dataclasses import dataclass, field
from typing import Final

import anyio

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Result
from backscroll_tools.tools.create_message import CREATE_MESSAGE
from backscroll_tools.tools.get_message import GET_MESSAGE
from backscroll_tools.tools.list_messages import LIST_MESSAGES
from tests.simulation.upstream import Row
from tests.simulation.world import Letter, World, named

ROUNDS: Final = 5
"""How many times an agent calls to write one letter."""

PAGES: Final = 60
"""How many pages of one walk an agent requests, including failed ones."""

_THOUGHT_S: Final = (0.0, 0.5, 5.0, 60.0, 700.0)
"""How long an agent may think between two calls, in seconds."""


def patience(world: World) -> float:
    """Return after how many seconds a host cancels a call; mostly never."""
    return world.rng.random() * 20 if world.rng.random() < 0.15 else math.inf


async def think(world: World) -> None:
    """Let some time pass."""
    await anyio.sleep(world.rng.choice(_THOUGHT_S) * world.rng.random())


async def write(world: World, letter: Letter) -> None:
    """Write a letter like a careful agent, which retries only if the error says this is safe."""
    rng = world.rng
    for _ in range(ROUNDS):
        await think(world)
        _, outcome = await world.call(CREATE_MESSAGE, letter.arguments, patience(world), letter)
        if isinstance(outcome, Result):
            _acknowledged(world, letter, outcome)
            if rng.random() < 0.7:
                return
        elif isinstance(outcome, ToolError):
            if not outcome.retry.startswith("safe") and not named(outcome):
                return
            letter.arguments |= named(outcome)
        elif not letter.key:
            return  # cancelled, and the key is unknown
        if world.restarts and rng.random() < 0.2:
            world.restart()


async def write_twice_at_once(world: World, letter: Letter) -> None:
    """Write one letter from two tasks, like a host that repeats a call after giving up on it."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, world, letter)
        tasks.start_soon(write, world, letter)


def _acknowledged(world: World, letter: Letter, result: Result) -> None:
    structured = result.structured
    list_id, message_id = structured["thread_id"], structured.get("message", {}).get("id")
    letter.arguments["idempotency_key"] = structured["idempotency_key"]
    if letter.list_id not in {None, list_id}:
        world.broken(f"a repeated call answered {list_id} after {letter.list_id}")
    if message_id is not None and letter.message_id not in {None, message_id}:
        world.broken(f"a repeated call answered {message_id} after {letter.message_id}")
    letter.list_id, letter.message_id = list_id, message_id or letter.message_id


@dataclass(slots=True)
class Reading:
    """The messages that one walk has read: the text of each, in the order read."""

    texts: dict[str, str] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)

    def add(self, message: JSON) -> None:
        """Add a message, or the next piece of one."""
        start = message.get("clipped", {}).get("start", 0)
        read = self.texts.get(message["id"])
        if read is None and start == 0:
            self.texts[message["id"]] = message["text"]
        elif read is not None and start == len(read) and start:
            self.texts[message["id"]] = read + message["text"]
        else:
            self.repeated.append(message["id"])


async def walk(world: World, list_id: str) -> None:
    """Read a list from one end to the other by cursors, and retry failed calls."""
    await think(world)
    rng, upstream = world.rng, world.upstream
    first: JSON = {"limit": rng.choice((1, 3, 20, 500)), "order": rng.choice(("asc", "desc"))}
    there = [row for row in upstream.lists[list_id] if row.is_shown(anyio.current_time())]
    reading = Reading()
    arguments: JSON = {"thread_id": list_id, **first}
    ended = False
    for _ in range(PAGES):
        _, outcome = await world.call(LIST_MESSAGES, arguments, patience(world))
        if isinstance(outcome, Result):
            page = outcome.structured["page"]
            for message in outcome.structured["messages"]:
                reading.add(message)
            if page["next_cursor"] is None:
                ended = not page["has_more"]
                break
            arguments = {"thread_id": list_id, "limit": first["limit"]}
            arguments["cursor"] = page["next_cursor"]
        if rng.random() < 0.3:
            await think(world)
    check_walk(world, reading, there, whole=ended)


def check_walk(world: World, reading: Reading, there: list[Row], *, whole: bool) -> None:
    """Check that a walk read each message once and in full, and left none out.

    Args:
        world: the world of the walk.
        reading: the messages that were read.
        there: the messages that lists showed when it began.
        whole: whether the walk reported that it reached the end.
    """
    if reading.repeated:
        world.broken(f"a walk returned {reading.repeated} again")
    throughout = [row for row in there if row.deleted_at is None and is_message(row)]
    missed = [row.id for row in throughout if row.id not in reading.texts]
    if whole and missed:
        world.broken(f"a walk that saw the end left out {missed}")
    altered = [row.id for row in throughout if reading.texts.get(row.id, "") not in text_of(row)]
    if altered:
        world.broken(f"a walk altered {altered}")
    if whole and any(reading.texts[row.id] != text_of(row) for row in throughout if not missed):
        world.broken("a walk that saw the end left out part of a message")


def is_message(row: Row) -> bool:
    """Return whether a row is a message and not another kind of item."""
    return bool(row.value.get("type", "message") == "message")


def text_of(row: Row) -> str:
    """Return the text that a row was written with."""
    content = row.value["content"]
    return content if isinstance(content, str) else str(content[0]["text"])


async def read(world: World, list_id: str) -> None:
    """Read messages one by one, including some that do not exist."""
    for _ in range(4):
        await think(world)
        rows = [row for row in world.upstream.lists[list_id] if is_message(row)]
        row = world.rng.choice(rows)
        arguments: JSON = {"thread_id": list_id, "message_id": row.id}
        reading = Reading()
        for _ in range(PAGES):
            ending, outcome = await world.call(GET_MESSAGE, arguments, patience(world))
            if not isinstance(outcome, Result):
                if ending == "not_found" and row.deleted_at is None:
                    world.broken(f"get-message says that {row.id} is not there")
                break
            if (message := outcome.structured.get("message")) is not None:
                reading.add(message)
            cursor = outcome.structured["page"]["next_cursor"]
            if cursor is None:
                check_walk(world, reading, [row], whole=True)
                break
            arguments["cursor"] = cursor


async def meddle(world: World, list_id: str) -> None:
    """Add and delete messages, like other clients at the same time."""
    rng, upstream = world.rng, world.upstream
    for number in range(rng.randrange(20)):
        await think(world)
        if rng.random() < 0.6 or upstream.lie == "no_query":
            value: JSON = {"role": "user", "content": f"stranger {number}"}
            if list_id.startswith("conv_"):
                value = {"type": rng.choice(("message", "reasoning")), **value}
            upstream.add(list_id, value)
        else:
            # What agents write stays, so that it can be counted.
            theirs = [row for row in upstream.lists[list_id] if not row.key]
            rng.choice(theirs).deleted_at = anyio.current_time()
