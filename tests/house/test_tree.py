"""What the tree may hold, as CONTRIBUTING.md describes it."""

import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {"bench", "docs", "manifests", "server", "tests", "tools"}
FILES = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "pyproject.toml",
}
MODULE_LINES = 300

SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:|pyright:|ruff:)")
REASONED = re.compile(
    r"# (?:ruff: )?noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w"
    r"|# type: ignore\[[\w, -]+\]  # \w"
    r"|# pragma: no (?:cover|branch) - \w"
)
# `anyio.fail_after` is left out: most of these are on the simulation's clock, which only jumps.
FIXED_LIMIT = re.compile(
    r"(?:[ (]timeout=|asyncio\.timeout\(|mark\.timeout\(|wait_for\([^\n]*, )[1-9]"
)

DOUBLE_BACKTICKS = re.compile(r"(?<!`)``(?!`)")
NAMES = {"Backscroll", "False", "True", "None", "OpenAI", "PostgreSQL", "SQLite", "Unix"}
"""What a sentence begins with that is written with a capital anywhere."""


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files of the repository, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is wherever the machine has it
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    paths = (Path(name) for name in listed.stdout.split("\0") if name)
    return [path for path in paths if (ROOT / path).is_file()]


def comments(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield each comment in the Python files that suppress a check, and where it is."""
    for path in paths:
        if path.suffix == ".py" and SUPPRESSION.search((ROOT / path).read_text("utf-8")):
            with tokenize.open(ROOT / path) as source:
                for token in tokenize.generate_tokens(source.readline):
                    if token.type == tokenize.COMMENT:
                        yield f"{path}:{token.start[0]}", token.string


def test_the_top_level_holds_only_what_was_agreed(tracked: list[Path]) -> None:
    top = {path.parts[0] for path in tracked}

    assert {name for name in top if not name.startswith(".")} - FOLDERS - FILES == set()


def test_a_module_is_short_enough_to_read_at_once(tracked: list[Path]) -> None:
    modules = [path for path in tracked if path.suffix == ".py" and path.parts[0] != "tests"]
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in modules}

    assert {path: length for path, length in lengths.items() if length > MODULE_LINES} == {}


def test_every_suppressed_check_has_a_reason_beside_it(tracked: list[Path]) -> None:
    unreasoned = [
        place
        for place, comment in comments(tracked)
        if SUPPRESSION.search(comment) and not REASONED.search(comment)
    ]

    assert unreasoned == []


def test_every_limit_of_a_test_grows_with_the_slowness_of_the_machine(tracked: list[Path]) -> None:
    tests = [path for path in tracked if path.suffix == ".py" and path.parts[0] == "tests"]
    texts = {str(path): (ROOT / path).read_text("utf-8") for path in tests}
    fixed = {path: found for path, text in texts.items() if (found := FIXED_LIMIT.findall(text))}

    assert fixed == {}


def test_docstrings_and_comments_have_one_dialect() -> None:
    """Single backticks, and lower case after the name of an argument, attribute or error."""
    flaws = {
        f"{path.relative_to(ROOT)}:{number}": line.strip()
        for folder in ("server", "tools")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in in_other_dialect(path.read_text(encoding="utf-8"))
    }

    assert flaws == {}


def in_other_dialect(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are written otherwise, with their numbers."""
    section: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if re.fullmatch(r" +(?:Args|Attributes|Raises):", line):
            section = indent
        elif section is not None and line.strip() and len(indent) <= len(section):
            section = None
        entry = section is not None and re.match(rf"{section}    [\w*, ]+: ([A-Z][a-z]+)\b", line)
        if DOUBLE_BACKTICKS.search(line) or (entry and entry[1] not in NAMES):
            yield number, line
