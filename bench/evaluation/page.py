"""Shows the results as a table, in a terminal and in docs/evaluation.md."""

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.evaluation.desk import MAX_CHARS
from bench.evaluation.finding import FINDING
from bench.evaluation.score import WINDOW, Line, Score, Tally
from bench.evaluation.tasks import ENDING_CHARS

PAGE: Final = Path(__file__).parents[2] / "docs" / "evaluation.md"

_HEAD: Final = """\
# Agents as users

Scripted agents do {tasks} tasks through the tools, over a real MCP client and a server of its own
process, on {threads} threads with {messages:,} messages, most of them real. No model is needed: an
agent knows what its user told it and what it has read, and goes by the text of the results alone.
`make evaluate` runs it and writes this page.

Each agent has a window of {window:,} tokens (o200k) for the tools, its calls and what they bring.
Beside Backscroll are the tools that [FastMCP](https://gofastmcp.com) makes of the same API's
OpenAPI document (`from_openapi`), used in the same way, and a dump: the API's own JSON of all that
the question is about.

"""
_TAIL: Final = """
- **calls**: how many the task took. Each task takes the fewest calls that are possible.
- **finding**: the last {finding} tasks name no thread. Their answers are in long conversations
  among the real ones, beside others with the same words. Backscroll's agents call
  `search-messages` with a few words of the question, and `list-messages` with `around` to read on.
  `from_openapi` has no search, so its agents read thread after thread, and give up after
  {give_up:,} characters, which no window holds.
  The queries were written by hand, and those that failed at first were changed until they found
  the answer: these tasks show what finding costs, not how often it succeeds.
- **wrong turns**: calls that failed, or that were made before.
- **tokens**: of the calls and of the text that they brought, without the tools. Those are
  {ours:,} tokens with Backscroll and {peer:,} with `from_openapi`.
- **dump**: each task's own; in the sum every conversation is counted once, however many tasks are
  about it.
- **a long message** has 60,000 characters. Backscroll's agent asks for the last {ending} of them
  (`last_chars` of `get-message`). The API returns only the whole message.
- **post once** goes through a network that loses the answer to the first write after the upstream
  acted on it, to an upstream without idempotency keys. Backscroll looks by itself; the other agent
  was told to look before it writes again: one that simply did would have written twice.
"""
_COLUMNS: Final = ("task", "calls", "tokens", "from_openapi", "tokens", "dump", "share of dump")


def show(console: Console, tally: Tally) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    for at, heading in enumerate(_COLUMNS):
        table.add_column(heading, justify="right" if at else "left")
    for line in tally.lines:
        table.add_row(line.task.name, *_cells(line))
    table.add_section()
    table.add_row(*_sums(tally))
    console.print(table)


def document(tally: Tally, threads: int, messages: int) -> str:
    """Return docs/evaluation.md.

    Args:
        tally: the costs of each task, with Backscroll and with one other server.
        threads: the number of threads in the store.
        messages: the number of messages in these threads.
    """
    head = _HEAD.format(tasks=len(tally.lines), threads=threads, messages=messages, window=WINDOW)
    name, *sums = _sums(tally)
    rows = [
        _row("task", "the user says", *_COLUMNS[1:]),
        _row("---", "---", *("---:",) * (len(_COLUMNS) - 1)),
        *(_row(line.task.name, line.task.asks, *_cells(line)) for line in tally.lines),
        _row(f"**{name}**", "", *(f"**{cell}**" for cell in sums)),
    ]
    first = tally.lines[0].scores
    tail = _TAIL.format(
        ours=first[0].tools,
        peer=first[1].tools,
        finding=len(FINDING),
        give_up=MAX_CHARS,
        ending=ENDING_CHARS,
    )
    return head + "".join(rows) + tail


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cells(line: Line) -> tuple[str, ...]:
    cells: list[str] = []
    for score in line.scores:
        cells += (_calls(score), f"{score.tokens:,}")
    share = f"{line.scores[0].tokens / line.dump:.0%}" if line.dump else "–"
    return (*cells, f"{line.dump:,}" if line.dump else "–", share)


def _calls(score: Score) -> str:
    told = str(score.calls)
    if score.wrong_turns:
        told += f", {score.wrong_turns} wrong"
    if not score.done:
        told += ", not done" if score.fits else ", beyond the window"
    return told


def _sums(tally: Tally) -> tuple[str, ...]:
    cells: list[str] = []
    for scores in zip(*(line.scores for line in tally.lines), strict=True):
        done = sum(score.done for score in scores)
        calls = sum(score.calls for score in scores)
        cells += (
            f"{done} of {len(tally.lines)} done, {calls} calls",
            f"{sum(score.tokens for score in scores):,}",
        )
    return ("all", *cells, f"{tally.dump:,}", f"{tally.read / tally.dump:.0%}")
