"""Builds the world of a seed, runs it, and reports the promises that it broke."""

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import anyio
import httpx2

from backscroll_tools.client.groups import CONVERSATIONS, THREADS
from backscroll_tools.client.profiles import COMPATIBLE
from backscroll_tools.tool import Bounds
from tests.simulation import actors, clock
from tests.simulation.faults import LATE_S, LISTED_LATE_S, Weather
from tests.simulation.upstream import Lie, MemoryUpstream, Row
from tests.simulation.world import Letter, World

if TYPE_CHECKING:
    from backscroll_tools.models import JSON

_LIES: Final[tuple[Lie, ...]] = ("has_more_false", "has_more_absent", "has_more_true", "no_query")
_SETTLED_S: Final = LATE_S + LISTED_LATE_S + 1


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one seed.

    Attributes:
        seed: the seed.
        endings: how many calls ended in which way.
        violations: the promises that were broken.
        log: what happened, a line each.
        letters: how many messages should have been written.
        requests: how many requests were made.
        failed: the numbers of the requests that failed.
    """

    seed: int
    endings: Counter[str]
    violations: tuple[str, ...]
    log: tuple[str, ...]
    letters: int
    requests: int
    failed: tuple[int, ...]


def run_seed(
    seed: int,
    kept: Collection[int] | None = None,
    upstream_class: type[MemoryUpstream] = MemoryUpstream,
) -> Report:
    """Run the world of one seed to its end.

    Args:
        seed: the seed.
        kept: the numbers of the requests that may fail, as in `Report.failed`; None for all.
        upstream_class: the upstream, which a test may break.
    """
    return clock.run(_run(seed, kept, upstream_class))


async def _run(
    seed: int, kept: Collection[int] | None, upstream_class: type[MemoryUpstream]
) -> Report:
    rng = random.Random(seed)
    lie: Lie = rng.choice(_LIES) if rng.random() < 0.3 else "none"
    weather = Weather(rng, rng.choice((0.05, 0.3, 0.7)), late_lists=rng.random() < 0.5, kept=kept)
    honours_keys = rng.random() < 0.3
    conversations = rng.random() < 0.4
    keeps_metadata = rng.random() < 0.6
    upstream = upstream_class(weather, honours_keys, keeps_metadata, lie)
    profile = replace(
        COMPATIBLE,
        serves=frozenset({CONVERSATIONS if conversations else THREADS}),
        honours_idempotency_keys=honours_keys,
        keeps_metadata=keeps_metadata,
        trusts_has_more=lie in {"none", "has_more_true", "no_query"} and rng.random() < 0.5,
    )
    bounds = Bounds(
        result_chars=rng.choice((2_000, 32_000)),
        deadline_s=rng.choice((5.0, 60.0)),
        requests=rng.choice((6, 50)),
    )
    async with httpx2.AsyncClient(transport=upstream, trust_env=False, timeout=None) as http:
        # Where words are all that tells messages apart, only a process that remembers which of
        # two alike was whose can know.
        tells_apart = honours_keys or (keeps_metadata and not conversations)
        alike = rng.random() < 0.5
        world = World(rng, upstream, http, profile, bounds, restarts=tells_apart or not alike)
        world.note(f"{profile=} {bounds=} {lie=} {weather.storm=} {weather.late_lists=}")
        await _lived(world, conversations=conversations, alike=alike)
        await anyio.sleep(_SETTLED_S)
        for letter in world.wanted:
            alike_ones = [each for each in world.wanted if _are_alike(each, letter)]
            _check(world, letter, alike_ones)
    requests = sum(line[10:12] == "  " for line in world.log)
    violations, log = tuple(world.violations), tuple(world.log)
    failed = tuple(weather.failed)
    return Report(seed, world.endings, violations, log, len(world.wanted), requests, failed)


async def _lived(world: World, *, conversations: bool, alike: bool) -> None:
    """Run all actors concurrently."""
    rng = world.rng
    list_ids = [f"{'conv' if conversations else 'thread'}_{name}" for name in ("a", "b")]
    for list_id in list_ids:
        kind: JSON = {"type": "message"} if conversations else {}
        for number in range(rng.choice((1, 1, 5, 5, 30, 130))):
            text = f"{number} " + "long " * (rng.randrange(1_000) if rng.random() < 0.05 else 1)
            world.upstream.add(list_id, {**kind, "role": "user", "content": text})
    async with anyio.create_task_group() as tasks:
        for number in range(rng.randrange(2, 7)):
            letter = _letter(rng, "yes" if alike else f"letter {number}", number, list_ids)
            world.wanted.append(letter)
            # What one process wrote with a key a moment ago, another cannot know.
            twice = letter.key and not world.restarts and rng.random() < 0.5
            tasks.start_soon(actors.write_twice_at_once if twice else actors.write, world, letter)
        for list_id in list_ids:
            tasks.start_soon(actors.meddle, world, list_id)
            tasks.start_soon(actors.read, world, list_id)
            for _ in range(rng.randrange(3)):
                tasks.start_soon(actors.walk, world, list_id)


def _letter(rng: random.Random, content: str, number: int, list_ids: list[str]) -> Letter:
    """Return a letter to one of the lists, or to a new one."""
    arguments: JSON = {"role": rng.choice(("user", "assistant")), "content": content}
    if rng.random() < 0.8:
        arguments["thread_id"] = rng.choice(list_ids)
    if rng.random() < 0.6:
        arguments["idempotency_key"] = f"key-{number}"
    return Letter(arguments)


def _are_alike(one: Letter, other: Letter) -> bool:
    return [one.arguments.get(name) for name in ("thread_id", "role", "content")] == [
        other.arguments.get(name) for name in ("thread_id", "role", "content")
    ]


def _check(world: World, letter: Letter, alike: list[Letter]) -> None:
    """Hold the writing of a letter to its promises, now that nothing is under way any more."""
    # Of letters that say the same in one place, nobody can tell which is which, nor need to.
    group = [letter] if world.tells_apart else alike
    rows = world.rows_of(*group)
    ids = [row.id for row in rows]
    said = f"{letter.arguments}"
    if len(rows) > len(group):
        world.broken(f"{said} was written too often: {len(group)} letters are {ids}")
    if letter.list_id is not None and not _stands(world, letter, rows):
        world.broken(f"{said} was acknowledged as {letter.list_id}/{letter.message_id}, is {ids}")
    if any(
        each.message_id == letter.message_id is not None for each in group if each is not letter
    ):
        world.broken(f"{said} was acknowledged as {letter.message_id}, as another was")
    if any(actors.text_of(row) != letter.arguments["content"] for row in rows):
        world.broken(f"{said} was altered")
    for denied_at in letter.denied_at:
        own = world.rows_of(letter)
        if letter.list_id is None and any(row.asked_at < denied_at for row in own):
            world.broken(f"{said} was said not to be written, and is {ids}")


def _stands(world: World, letter: Letter, rows: list[Row]) -> bool:
    """Return whether one of the rows is where a letter was reported to be."""
    there = world.upstream.lists.get(letter.list_id or "", [])
    return any(row in there and letter.message_id in {None, row.id} for row in rows)
