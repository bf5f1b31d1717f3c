"""Agents as users: some of the tasks, with Backscroll alone; `make evaluate` does all of them."""

import re

import pytest

from bench.evaluation import page
from bench.evaluation.desk import Exchange
from bench.evaluation.score import WINDOW, Line, Score, Tally, failings, scored
from bench.evaluation.tasks import TASKS, Task
from bench.evaluation.trial import BACKSCROLL, Attempt, attempts, dumped
from bench.evaluation.world import World, build

LONG_WALKS = {"last written to"}
"""Tasks that read every thread: of what they cost, few threads show little."""


@pytest.fixture(scope="module")
def world() -> World:
    return build(10)


def by_name(*names: str) -> list[Task]:
    return [task for task in TASKS if task.name in names]


async def test_every_task_is_done_in_the_fewest_calls_with_a_third_of_the_tokens(
    world: World,
) -> None:
    tasks = [task for task in TASKS if task.name not in LONG_WALKS]
    dumps = await dumped(world, tasks)
    tools, done = await attempts(BACKSCROLL, world, tasks)

    tally = scored(world, tasks, [(tools, done)], dumps)

    assert [attempt.trouble for attempt in done if attempt.trouble] == []
    assert failings(tally) == []
    assert len(tally.lines) == 19


def test_there_are_twenty_tasks_of_different_names() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS) == 20


def line(task: Task, **changed: int) -> Line:
    score = {"right": True, "calls": 1, "wrong_turns": 0, "tokens": 100, "tools": 1_000, **changed}
    return Line(task, (Score(**score), Score(**score)), 1_000)  # type: ignore[arg-type]  # a bool is an int here


def test_what_falls_short_is_said() -> None:
    promise, reply, newest, oldest = TASKS[0], TASKS[1], TASKS[3], TASKS[4]
    tally = Tally(
        (
            line(promise, calls=9),
            line(reply, calls=2),
            line(newest, wrong_turns=1),
            line(oldest, tokens=WINDOW),
        ),
        dump=3_000,
    )

    assert failings(tally) == [
        "answer from 1,400: 2 calls, 0 of them wrong turns, where 1 would do",
        "the newest five: 1 calls, 1 of them wrong turns, where 1 would do",
        "the first five: not done within the window",
        "64,300 tokens read, more than a third of the dump's 3,000",
    ]


def test_a_call_that_fails_or_is_made_again_is_a_wrong_turn() -> None:
    said = Exchange("a", "read", is_error=False)
    failed = Exchange("b", "error", is_error=True)

    assert Attempt(right=True, exchanges=(said, failed, said)).wrong_turns == 2


def test_the_page_has_a_row_for_each_task_and_one_for_all() -> None:
    tally = Tally(tuple(line(task) for task in by_name("find a promise", "post once")), 2_000)

    rows = [row for row in page.document(tally, 3, 40).splitlines() if row.startswith("| ")]

    assert rows[2:] == [
        "| find a promise | What was promised in this thread? | 1 | 100 | 1 | 100 | 1,000 | 10% |",
        "| post once | Post this. | 1 | 100 | 1 | 100 | 1,000 | 10% |",
        "| **all** |  | " + "**2 of 2 done, 2 calls** | **200** | " * 2 + "**2,000** | **10%** |",
    ]


def test_the_page_in_the_tree_tells_of_every_task() -> None:
    told = page.PAGE.read_text("utf-8")

    assert [task.name for task in TASKS if f"\n| {task.name} | {task.asks} |" not in told] == []
    assert "**20 of 20 done, " in told


def test_the_readme_tells_the_figure_of_the_page() -> None:
    [share] = re.findall(
        r"^\| \*\*all\*\* .*\*\*(\d+)%\*\* \|$", page.PAGE.read_text("utf-8"), re.MULTILINE
    )

    readme = (page.PAGE.parents[1] / "README.md").read_text("utf-8")
    assert f"20 of 20 tasks, {share} % of the tokens of a dump" in readme
