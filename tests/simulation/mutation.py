"""Change the code in every way that mutmut knows, and count which changes no test notices.

    pip install mutmut                                   # for this alone: it is no pinned tool
    python -m tests.simulation.mutation                  # everything below, some hours
    python -m tests.simulation.mutation pages store      # some of it
    python -m tests.simulation.mutation --ending 258     # a sample of three tenths
    python -m tests.simulation.mutation --survivors      # only what no test noticed last time

At first, no tests on PostgreSQL run, because each change would start a server of its own. With
`--survivors`, they run too: some changes, such as those of locks, make no difference on SQLite. The
share is then of those that are tried again.

mutmut names modules by their path, so the sources are laid out under `.cache/mutation` as they
are imported. A second run goes on where the first was interrupted. Code that runs but once, as a
module is imported, is not changed.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.figures import record

ROOT: Final = Path(__file__).parents[2]
STAGES: Final = ROOT / ".cache" / "mutation"
LEAST: Final = 90.0
"""How many of a hundred changes are to be noticed."""

HANGS_S: Final = 15
"""After how many seconds a test that a change has made wait for ever is given up."""

CHILDREN: Final = os.environ.get("BACKSCROLL_TEST_CHILDREN", str(os.cpu_count() or 1))
"""How many changes are tried at once."""
_HOOKS: Final = """

import json
from pathlib import Path

import pytest


def pytest_sessionstart() -> None:
    import sys

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"backscroll", "backscroll_tools"}:
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    stats = Path("mutmut-stats.json")
    if stats.exists():
        durations = json.loads(stats.read_text())["duration_by_test"]
        items.sort(key=lambda item: durations.get(item.nodeid, 0.0))
"""
"""Has a process that is forked for a change forget what the code before it worked out.

Also has it run the quickest tests first, because most changes are noticed by one of them.
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Modules to be changed, and the quickest tests of all that they promise."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GROUPS: Final = {
    "retry": Group(
        (
            "backscroll_tools/client/call.py",
            "backscroll_tools/client/attempt.py",
            "backscroll_tools/client/retry.py",
        ),
        (
            *("tests/tools/client/test_client.py", "tests/tools/client/test_oversized.py"),
            *("tests/tools/client/test_retry.py", "tests/tools/client/test_sending.py"),
            *("tests/tools/client/test_spans.py", "tests/upstreams/test_failing.py"),
            *("tests/simulation/test_repeats.py", "tests/simulation/test_retry_rules.py"),
        ),
    ),
    "failures": Group(
        ("backscroll_tools/client/failures.py", "backscroll_tools/client/statuses.py"),
        (
            *("tests/tools/client/test_client.py", "tests/tools/client/test_oversized.py"),
            *("tests/tools/client/test_retry.py", "tests/tools/client/test_sending.py"),
            "tests/upstreams/test_failing.py",
        ),
    ),
    "once": Group(
        tuple(f"backscroll_tools/writes/{name}.py" for name in ("keys", "lookback", "once")),
        (
            *("tests/tools/writes/test_keys.py", "tests/tools/writes/test_once.py"),
            *("tests/tools/writes/test_once_clocks.py", "tests/tools/writes/test_once_unclear.py"),
            *("tests/tools/writes/test_lookback.py", "tests/upstreams/test_sessions.py"),
            "tests/simulation/test_repeats.py",
        ),
    ),
    "pages": Group(
        ("backscroll_tools/pages/*.py",),
        (
            *("tests/tools/pages/test_around.py", "tests/tools/pages/test_both_ends.py"),
            *("tests/tools/pages/test_bounded_pages.py", "tests/tools/pages/test_cursor.py"),
            *("tests/tools/pages/test_dialects.py", "tests/tools/pages/test_source.py"),
            *("tests/tools/pages/test_walk.py", "tests/tools/test_message_lists.py"),
            *("tests/upstreams/test_around.py", "tests/upstreams/test_paging.py"),
        ),
    ),
    "store": Group(
        (
            *(f"backscroll/store/{name}.py" for name in ("idempotency", "items", "messages")),
            *(f"backscroll/store/{name}.py" for name in ("paging", "threads")),
            "backscroll/database/sqlite_threads.py",
        ),
        (
            *("tests/store/test_conversations.py", "tests/store/test_conversations_items.py"),
            *("tests/store/test_conversations_paging.py", "tests/store/test_databases.py"),
            *("tests/store/test_durability.py", "tests/store/test_group_commit.py"),
            *("tests/store/test_idempotency.py", "tests/store/test_archive.py"),
            *("tests/store/test_messages.py", "tests/store/test_modifying.py"),
            *("tests/store/test_paging.py", "tests/store/test_threads.py"),
            *("tests/store/test_abridged.py", "tests/store/test_activity.py"),
            *("tests/store/test_counting.py", "tests/store/test_large_deletion.py"),
            *("tests/store/test_partitions.py", "tests/store/recorder/test_once.py"),
            *("tests/store/search/test_index.py", "tests/store/search/test_search.py"),
        ),
    ),
    "search": Group(
        tuple(
            f"backscroll_tools/search/{name}.py"
            for name in ("excerpt", "folding", "match", "query", "titles", "tokenizer")
        ),
        (
            *("tests/tools/search/test_excerpt.py", "tests/tools/search/test_folding.py"),
            *("tests/tools/search/test_match.py", "tests/tools/search/test_query.py"),
            *("tests/tools/search/test_titles.py", "tests/tools/search/test_tokenizer.py"),
        ),
    ),
    "index": Group(
        (
            *(f"backscroll/store/search/{name}.py" for name in ("candidates", "hits", "index")),
            *(f"backscroll/store/search/{name}.py" for name in ("orders", "search_cursor")),
            *("backscroll/store/search/search_page.py", "backscroll_tools/search/ranking.py"),
        ),
        (
            "tests/tools/search/test_ranking.py",
            *("tests/store/search/test_search.py", "tests/store/search/test_index.py"),
            *("tests/store/search/test_bounds.py", "tests/store/search/test_imported.py"),
            *("tests/store/search/test_outline.py", "tests/store/test_large_deletion.py"),
            *("tests/store/search/test_meanings.py", "tests/store/search/test_search_cursor.py"),
            *("tests/store/search/test_statistics.py", "tests/store/search/test_versions.py"),
            *("tests/store/test_bulk_import.py", "tests/store/test_updating.py"),
        ),
    ),
    "sync": Group(
        ("backscroll/history/sync/*.py",),
        tuple(
            f"tests/history/sync/test_{name}.py"
            for name in (
                *("changes", "databases", "following", "forks", "groups"),
                *("parts", "syncing", "tally", "watching"),
            )
        ),
    ),
}


def main() -> int:
    """Name the changes that were not noticed, print the share that was; 1 below `LEAST`."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutation")
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)}; all by default")
    some = parser.add_mutually_exclusive_group()
    some.add_argument(
        "--survivors",
        action="store_true",
        help="try again what was not noticed, on PostgreSQL as well",
    )
    some.add_argument(
        "--ending",
        metavar="DIGITS",
        default="",
        help="try a sample: only changes whose number in their function ends in one of the digits",
    )
    asked = parser.parse_args()
    if asked.ending and not asked.ending.isdecimal():
        parser.error(f"--ending takes digits, not {asked.ending}")
    if unknown := set(asked.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    if importlib.util.find_spec("mutmut") is None:
        parser.error("mutmut is not installed: pip install mutmut")
    total: Counter[str] = Counter()
    for name in asked.groups or GROUPS:
        stage = STAGES / name
        names = _survivors(stage) if asked.survivors else _sampled(stage, asked.ending)
        _lay_out(stage, GROUPS[name], postgres=asked.survivors)
        if names is None or names:
            _try(stage, names or ())
        for survivor in _survivors(stage):
            sys.stdout.write(f"{survivor}\n")
        if asked.survivors:  # mutmut has forgotten what was noticed before
            again = frozenset(names or ())
            noticed = again.difference(_survivors(stage))
            counts = Counter(noticed=len(noticed), tried=len(again))
        else:
            counts = _counts(stage)
        sys.stdout.write(f"{name}: {_share(counts)}\n")
        sys.stdout.flush()
        total += counts
    sys.stdout.write(f"{_share(total)}\n")
    if not asked.groups and not asked.survivors:
        record(
            "mutation testing of retry, paging, the store's writes, search and sync (mutmut)",
            _share(total),
        )
    return 0 if 100 * total["noticed"] >= LEAST * total["tried"] else 1


def _lay_out(stage: Path, group: Group, *, postgres: bool) -> None:
    """Copy the sources to where their import names say, with mutmut's settings beside them."""
    stage.mkdir(parents=True, exist_ok=True)
    for source in ("server/backscroll", "tools/backscroll_tools", "tests", "manifests"):
        target = stage / Path(source).name
        shutil.rmtree(target, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__", "node")
        shutil.copytree(ROOT / source, target, ignore=ignored)
    config = (ROOT / "pyproject.toml").read_text()
    config = re.sub(r"(?m)^pythonpath = .*$", 'pythonpath = ["."]', config)
    # In a process that is forked for each change, chance and coverage are in the way.
    config = config.replace('"-ra",', '"-ra", "-p", "no:randomly", "-p", "no:cov",')
    config = re.sub(r"(?m)^timeout = .*$", f'timeout = "{HANGS_S}"', config)
    settings = {
        "source_paths": ("backscroll_tools", "backscroll"),
        "only_mutate": group.modules,
        "also_copy": ("tests", "manifests", "pyproject.toml"),
        "pytest_add_cli_args": () if postgres else ("-k", "not postgres"),
        "pytest_add_cli_args_test_selection": group.tests,
        "timeout_multiplier": 5.0,
        "timeout_constant": 15.0,
    }
    with (stage / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(_HOOKS)
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())
    table = "\n".join(("[tool.mutmut]", *lines, ""))
    (stage / "pyproject.toml").write_text(f"{config}\n{table}")


def _sampled(stage: Path, digits: str) -> list[str] | None:
    """Return patterns or names of a sample's changes that are still to be tried; None for all."""
    if not digits:
        return None
    files = list((stage / "mutants").rglob("*.meta"))
    results = [json.loads(file.read_text())["exit_code_by_key"] for file in files]
    if not results:
        return [f"*__mutmut_*[{digits}]"]
    return [
        name
        for result in results
        for name, code in result.items()
        if code is None and name[-1] in digits
    ]


def _try(stage: Path, names: Sequence[str]) -> None:
    """Try the changes that are named, or else all that have not been tried yet."""
    environ = {**os.environ, "BACKSCROLL_TEST_PROFILE": "mutation", "PYTHONPATH": ""}
    command = (sys.executable, "-m", "mutmut", "run", "--max-children", CHILDREN, *names)
    with (stage / "mutmut.log").open("w") as log:
        shown = None if sys.stdout.isatty() else log
        subprocess.run(command, cwd=stage, env=environ, check=False, stdout=shown)


def _survivors(stage: Path) -> list[str]:
    """Return the names of the changes that no test noticed."""
    found = _mutmut(stage, "results").splitlines()
    ends = (": survived", ": no tests")
    return [line.strip().rpartition(":")[0] for line in found if line.endswith(ends)]


def _counts(stage: Path) -> Counter[str]:
    """Return how many changes were `tried`, and how many of them `noticed`."""
    _mutmut(stage, "export-cicd-stats")
    counts = json.loads((stage / "mutants" / "mutmut-cicd-stats.json").read_text())
    noticed = counts["killed"] + counts["timeout"] + counts["segfault"] + counts["suspicious"]
    tried = noticed + counts["survived"] + counts["no_tests"]
    return Counter(noticed=noticed, tried=tried, left=counts["total"] - tried)


def _mutmut(stage: Path, command: str) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "mutmut", command), cwd=stage, check=True, capture_output=True
    )
    return done.stdout.decode()


def _share(counts: Counter[str]) -> str:
    noticed, tried, left = counts["noticed"], counts["tried"], counts["left"]
    share = 100 * noticed / tried if tried else 0.0
    return f"{noticed:,} of {tried:,} changes noticed, {share:.1f} %" + (
        f"; {left:,} not tried" if left else ""
    )


if __name__ == "__main__":
    sys.exit(main())
