"""Asks other programs that search conversations the same questions, in the same run."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import Claim, UnmeasuredError
from bench.search.facts import Planted
from bench.search.quality import quality

_ROOT: Final = Path(__file__).parents[2]
_PYTHON: Final = _ROOT / ".cache" / "archives-venv" / "bin" / "python"
_SCRIPT: Final = _ROOT / "bench" / "peers" / "archives.py"
_PINS: Final = _ROOT / "bench" / "peers" / "archives-requirements.txt"
_WORD: Final = re.compile(r"\w+")
NAMES: Final = ("ai-pensieve-mcp", "ai-conversation-search")
"""The names of the programs, both in the script and as published."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A program's answer to a query.

    Attributes:
        hits: the numbers of thread and message of each hit, best first; at most ten.
        error: why there is no answer; empty if there is one.
        ms: the milliseconds of CPU that it took.
    """

    hits: tuple[tuple[int, int], ...]
    error: str
    ms: float


def compared(
    threads: Sequence[Sequence[str]], planted: Sequence[Planted], text_bytes: int
) -> Iterator[tuple[str, list[float], list[Claim]]]:
    """For each program and form of the questions, yield a name, the times, and the claims.

    The times are milliseconds of CPU. The last item of a program has no times, but a claim about
    the size of its archive.

    Args:
        threads: the texts of each conversation.
        planted: the questions.
        text_bytes: the size of the texts in UTF-8, in bytes.

    Raises:
        UnmeasuredError: a program is not installed, or failed.
    """
    questions = [each.fact.question for each in planted]
    for name in NAMES:
        answers, size = _ask(name, threads, [*questions, *map(rewritten, questions)])
        whole = f"{name} {_version(name)}"
        for form, given in (
            ("as asked", answers[: len(questions)]),
            ("its words with OR", answers[len(questions) :]),
        ):
            series = f"{whole}, a question {form}"
            shares = quality(planted, (each.hits for each in given))
            found = {
                "errors": sum(bool(each.error) for each in given) / len(given),
                "empty": sum(not each.error and not each.hits for each in given) / len(given),
                "s1": shares.s1,
                "s5": shares.s5,
                "near5": shares.near5,
            }
            claims = [Claim(f"{series}: {of}", 100 * to, unit="%") for of, to in found.items()]
            yield series, [each.ms for each in given], claims
        yield whole, [], [Claim(f"{whole}: the archive by the text", size / text_bytes)]


def rewritten(question: str) -> str:
    """Return an FTS5 query for any word of a question, as an agent would write it."""
    return " OR ".join(_WORD.findall(question))


def _version(name: str) -> str:
    """Return the pinned version of a program."""
    pins = _PINS.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==(\S+)", pins, re.MULTILINE)
    return found[1] if found else "?"


def _ask(
    name: str, threads: Sequence[Sequence[str]], queries: Sequence[str]
) -> tuple[list[Answer], int]:
    """Return a program's answer to each query, and the size of its archive in bytes.

    Args:
        name: one of `NAMES`.
        threads: the texts of each conversation. The program imports them first.
        queries: the queries.

    Raises:
        UnmeasuredError: the program is not installed, or failed.
    """
    if not _PYTHON.exists():
        raise UnmeasuredError(f"{name} is not installed: run `make bench`")
    with tempfile.TemporaryDirectory(prefix="backscroll-bench-") as name_of_folder:
        folder = Path(name_of_folder)
        asked = {"threads": threads, "queries": queries}
        (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
        done = subprocess.run(
            [_PYTHON, _SCRIPT, name, folder], check=False, capture_output=True, encoding="utf-8"
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [""])[-1]
            raise UnmeasuredError(f"{name} failed: {last}")
        found = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    answers = [
        Answer(tuple(map(_hit, each["hits"])), each["error"], each["ms"])
        for each in found["answers"]
    ]
    return answers, found["bytes"]


def _hit(identifier: str) -> tuple[int, int]:
    thread, _, position = identifier.partition("_")
    return int(thread), int(position or -1)
