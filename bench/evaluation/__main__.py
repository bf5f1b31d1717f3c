"""`python -m bench.evaluation`: runs scripted agents, prints their costs, and writes the page."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.progress import track

from bench.evaluation import page
from bench.evaluation.score import Tally, failings, scored
from bench.evaluation.task import Task
from bench.evaluation.tasks import TASKS
from bench.evaluation.trial import BACKSCROLL, FASTMCP, attempts, dumped
from bench.evaluation.world import World, build

CONVERSATIONS: Final = 298


def main() -> int:
    """Run all tasks. If all promises hold, write the page; otherwise return 1."""
    world = build(CONVERSATIONS)
    tally = asyncio.run(_evaluated(world, TASKS))
    console = Console()
    page.show(console, tally)
    broken = failings(tally)
    for sentence in broken:
        console.print(sentence, style="bold red", highlight=False)
    if broken:
        return 1
    threads = list(world.threads())
    messages = sum(len(thread.messages) for thread in threads)
    page.PAGE.write_text(page.document(tally, len(threads), messages), encoding="utf-8")
    console.print(f"wrote {page.PAGE.relative_to(page.PAGE.parents[1])}", highlight=False)
    return 0


async def _evaluated(world: World, tasks: Sequence[Task]) -> Tally:
    dumps = await dumped(world, tasks)
    contenders = [
        await attempts(contender, world, _tracked(tasks, contender.name))
        for contender in (BACKSCROLL, FASTMCP)
    ]
    return scored(world, tasks, contenders, dumps)


def _tracked(tasks: Sequence[Task], name: str) -> Iterator[Task]:
    yield from track(tasks, name, console=Console(stderr=True), transient=True)


if __name__ == "__main__":
    sys.exit(main())
