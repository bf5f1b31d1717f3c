"""Agents as users, with Backscroll alone: `make evaluate` has another server beside it."""

import re

import pytest
from mcp import Client
from mcp.server import MCPServer

from bench.evaluation import page
from bench.evaluation.desk import MAX_CHARS, CallError, Exchange, Item, Record
from bench.evaluation.finding import FINDING
from bench.evaluation.hits import read_hits
from bench.evaluation.score import WINDOW, Line, Score, Tally, failings, scored
from bench.evaluation.task import Task
from bench.evaluation.tasks import READING, TASKS
from bench.evaluation.trial import BACKSCROLL, Attempt, attempts, dumped
from bench.evaluation.world import World, build


@pytest.fixture(scope="module")
def world() -> World:
    return build(10)


def by_name(*names: str) -> list[Task]:
    return [task for task in TASKS if task.name in names]


async def test_every_task_is_done_in_the_fewest_calls_with_a_third_of_the_tokens(
    world: World,
) -> None:
    dumps = await dumped(world, TASKS)
    tools, done = await attempts(BACKSCROLL, world, TASKS)

    tally = scored(world, TASKS, [(tools, done)], dumps)

    assert [attempt.trouble for attempt in done if attempt.trouble] == []
    assert failings(tally) == []
    assert len(tally.lines) == 28


def test_there_are_tasks_of_reading_and_of_finding_with_different_names() -> None:
    assert (len(READING), len(FINDING)) == (20, 8)
    assert len({task.name for task in TASKS}) == 28


def line(task: Task, **changed: int) -> Line:
    score = {"right": True, "calls": 1, "wrong_turns": 0, "tokens": 100, "tools": 1_000, **changed}
    return Line(task, (Score(**score), Score(**score)), 1_000)  # type: ignore[arg-type]  # a bool is an int here


def test_what_falls_short_is_said() -> None:
    promise, reply, newest, oldest = TASKS[0], TASKS[1], TASKS[3], TASKS[4]
    tally = Tally(
        (
            line(promise, tokens=901),
            line(reply, calls=2),
            line(newest, wrong_turns=1),
            line(oldest, tokens=WINDOW),
        ),
        dump=3_000,
    )

    assert failings(tally) == [
        "find a promise: 901 tokens read, more than the 900 that are promised",
        "answer from 1,400: 2 calls, 0 of them wrong turns, where 1 would do",
        "the newest five: 1 calls, 1 of them wrong turns, where 1 would do",
        "the first five: not done within the window",
        (
            "reading and writing: 5 calls and 65,101 tokens, "
            "more than the 34 and 15,000 that are promised"
        ),
        "65,101 tokens read, more than a third of the dump's 3,000",
    ]


def test_a_call_that_fails_or_is_made_again_is_a_wrong_turn() -> None:
    said = Exchange("a", "read", is_error=False)
    failed = Exchange("b", "error", is_error=True)

    assert Attempt(right=True, exchanges=(said, failed, said)).wrong_turns == 2


async def test_an_agent_gives_up_when_it_has_read_more_than_any_window_holds() -> None:
    async with Client(MCPServer("unused")) as client:
        record = Record(client, [Exchange("a", "x" * (MAX_CHARS + 1), is_error=False)])

        with pytest.raises(CallError, match="more than any window holds"):
            await record.call("list-messages")


def test_hits_are_read_with_what_is_around_them_and_without_marks() -> None:
    text = (
        "AB 2 hits for any word, best first, matches in **. No more follow.\n"
        'AB user msg_1 in thread_1 2026-11-21 1240 characters "Bills"\n'
        "AB-assistant\nWhat is it?\n"
        "AB>user\nA **bill**,\nunpaid.\n"
        "AB assistant msg_7 2026-11-20\nThe **bill**.\n"
    )

    assert read_hits(text, "") == (
        Item("", "What is it?", topic="Bills", role="assistant", thread_id="thread_1"),
        Item("msg_1", "A bill,\nunpaid.", topic="Bills", role="user", thread_id="thread_1"),
        Item("msg_7", "The bill.", topic="Bills", role="assistant", thread_id="thread_1"),
    )


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
    assert "**28 of 28 done, " in told


def test_the_readme_tells_the_figure_of_the_page() -> None:
    [share] = re.findall(
        r"^\| \*\*all\*\* .*\*\*(\d+)%\*\* \|$", page.PAGE.read_text("utf-8"), re.MULTILINE
    )

    readme = (page.PAGE.parents[1] / "README.md").read_text("utf-8")
    assert f"28 of 28 tasks, and read {share} % of the tokens" in readme
