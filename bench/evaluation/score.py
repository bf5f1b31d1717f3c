"""Counts the tokens of attempts (o200k), and checks whether they fit into a context window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.evaluation.task import Task
from bench.evaluation.tasks import READING
from bench.evaluation.trial import Attempt
from bench.evaluation.world import World
from tests.clients.nodejs import count_tokens

WINDOW: Final = 64_000
"""The maximum number of tokens for a task: the tools, the calls and their results."""

MOST_OF_DUMP: Final = 1 / 3
"""The most that all tasks together may make an agent read, of what a dump of the API would."""


READING_CALLS: Final = 34
READING_TOKENS: Final = 15_000
"""The most that the twenty tasks of reading and writing may take together."""


@dataclass(frozen=True, slots=True)
class Score:
    """An attempt at a task, and its costs.

    Attributes:
        right: whether the outcome is correct.
        calls: the number of calls.
        wrong_turns: the number of calls that failed, or repeated an earlier call.
        tokens: the tokens of the calls and of their results.
        tools: the tokens of the tools, as a model sees them.
    """

    right: bool
    calls: int
    wrong_turns: int
    tokens: int
    tools: int

    @property
    def fits(self) -> bool:
        """Whether the tools, the calls and their results fit into the context window."""
        return self.tokens + self.tools <= WINDOW

    @property
    def done(self) -> bool:
        """Whether it is correct, and fits into the context window."""
        return self.right and self.fits


@dataclass(frozen=True, slots=True)
class Line:
    """A task: the attempt of each contender, and the tokens of a dump that contains the answer."""

    task: Task
    scores: tuple[Score, ...]
    dump: int

    @property
    def least(self) -> bool:
        """Whether Backscroll needed only the minimum number of calls, and made no wrong turn."""
        first = self.scores[0]
        return not first.wrong_turns and self.task.least == first.calls


@dataclass(frozen=True, slots=True)
class Tally:
    """All tasks together.

    Attributes:
        lines: the result of each task.
        dump: tokens of all that they are about, each conversation once.
    """

    lines: tuple[Line, ...]
    dump: int

    @property
    def read(self) -> int:
        """Tokens that Backscroll made the agents read, for every task anew."""
        return sum(line.scores[0].tokens for line in self.lines)


@dataclass(frozen=True, slots=True)
class Counter:
    """The numbers of tokens of texts. One process counts them all."""

    tokens: Mapping[str, int]

    @classmethod
    def of(cls, texts: set[str]) -> "Counter":
        """Count them."""
        each = sorted(texts)
        return cls(dict(zip(each, count_tokens(each), strict=True)))

    def sum(self, texts: Sequence[str]) -> int:
        """Return the tokens of some of them together."""
        return sum(self.tokens[text] for text in texts)


def scored(
    world: World,
    tasks: Sequence[Task],
    contenders: Sequence[tuple[str, list[Attempt]]],
    dumps: Mapping[str, list[str]],
) -> Tally:
    """Return the result of each task, and the totals.

    Args:
        world: what the tasks are about.
        tasks: those that were attempted.
        contenders: of each its tools, as JSON, and an attempt for each task; Backscroll's first.
        dumps: the API's replies at each path.
    """
    texts = {text for replies in dumps.values() for text in replies}
    for tools, attempts in contenders:
        texts |= {tools, *(text for attempt in attempts for text in _texts(attempt))}
    counter = Counter.of(texts)
    lines = tuple(
        Line(
            task,
            tuple(_score(counter, tools, attempts[number]) for tools, attempts in contenders),
            sum(counter.sum(dumps[path]) for path in task.reads(world)),
        )
        for number, task in enumerate(tasks)
    )
    return Tally(lines, sum(counter.sum(replies) for replies in dumps.values()))


def failings(tally: Tally) -> list[str]:
    """Return what falls short of what is promised of Backscroll, as sentences."""
    found = []
    for line in tally.lines:
        score = line.scores[0]
        if not score.done:
            found.append(f"{line.task.name}: not done within the window")
        elif not line.least:
            found.append(
                f"{line.task.name}: {score.calls} calls, {score.wrong_turns} of them wrong turns, "
                f"where {line.task.least} would do"
            )
        elif 0 < line.task.most_tokens < score.tokens:
            found.append(
                f"{line.task.name}: {score.tokens:,} tokens read, more than the "
                f"{line.task.most_tokens:,} that are promised"
            )
    reading = [line.scores[0] for line in tally.lines if line.task in READING]
    calls = sum(score.calls for score in reading)
    tokens = sum(score.tokens for score in reading)
    if calls > READING_CALLS or tokens > READING_TOKENS:
        found.append(
            f"reading and writing: {calls} calls and {tokens:,} tokens, more than the "
            f"{READING_CALLS} and {READING_TOKENS:,} that are promised"
        )
    if tally.read > tally.dump * MOST_OF_DUMP:
        found.append(f"{tally.read:,} tokens read, more than a third of the dump's {tally.dump:,}")
    return found


def _score(counter: Counter, tools: str, attempt: Attempt) -> Score:
    return Score(
        right=attempt.right,
        calls=len(attempt.exchanges),
        wrong_turns=attempt.wrong_turns,
        tokens=counter.sum(_texts(attempt)),
        tools=counter.tokens[tools],
    )


def _texts(attempt: Attempt) -> list[str]:
    return [text for each in attempt.exchanges for text in (each.said, each.read)]
