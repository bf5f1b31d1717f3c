"""`backscroll maintain`, as it is typed."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backscroll.cli import commands

LINES = [
    {
        "object": "conversation",
        "id": f"conv_{name}",
        "key": f"chatgpt:{name}",
        "created_at": created_at,
        "items": [{"role": "user", "content": name, "created_at": created_at}],
    }
    for name, created_at in (("tea", 1_700_000_000), ("coffee", 1_600_000_000))
]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def filled(tmp_path: Path, database: str) -> str:
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    assert run("import", str(path), "--database", database).exit_code == 0
    return database


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def test_an_import_says_what_will_be_erased_because_it_is_old(
    tmp_path: Path, database: str
) -> None:
    young = {"object": "conversation", "items": [{"role": "user", "content": "now"}]}
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, [*LINES, young])), encoding="utf-8")
    kept = {"BACKSCROLL_KEEP_DAYS": "365", "BACKSCROLL_DATABASE": database}
    done = CliRunner().invoke(commands, ["import", str(path)], env=kept)
    assert (done.exit_code, done.stdout) == (0, "3 imported, 0 already there, 0 refused\n")
    assert done.stderr == (
        "backscroll: 2 objects are older than BACKSCROLL_KEEP_DAYS, by the times in them: a "
        "running server erases them for good, and no later import brings them back\n"
    )
    assert run("import", str(path), "--database", database).stderr == ""


def without_figures(text: str) -> str:
    return re.sub(r"[0-9][0-9,.]*", "N", text)


def test_it_says_what_it_did_and_what_it_found(filled: str) -> None:
    done = run("maintain", "--database", filled)
    assert done.exit_code == 0, done.output
    assert without_figures(done.stdout) == (
        "checked   N rows read, no damage found\n"
        "kept      everything: BACKSCROLL_KEEP_DAYS is not set\n"
        "replies   N idempotency keys removed\n"
        "search    N part of the index before, N after\n"
        "tables    N analysed\n"
        "size      N MiB (N free) before, N MiB (N free) after\n"
    )


def test_what_is_too_old_goes_once_the_clock_is_trusted(filled: str) -> None:
    waits = run("maintain", "--database", filled, "--keep-days", "30")
    assert waits.exit_code == 0, waits.output
    assert (
        "kept      30 days: 1 erased for good\n"
        "          1 more are older by the database's clock, which nobody has watched for long "
        "enough: a running server erases them later, and --trust-clock now\n"
    ) in waits.stdout
    trusted = run("maintain", "--database", filled, "--keep-days", "30", "--trust-clock")
    assert "kept      30 days: 1 erased for good\nreplies" in trusted.stdout
    assert run("export", "--database", filled).stdout == ""


def test_damage_is_named_and_makes_the_exit_code_1(filled: str, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    whole = path.read_bytes()
    at = whole.index(b'"tea"')
    path.write_bytes(whole[:at] + b"[tea]" + whole[at + 5 :])
    done = run("maintain", "--database", filled)
    assert (done.exit_code, done.stderr) == (1, "")
    assert done.stdout == (
        "damaged: malformed JSON in items.body\n"
        "Nothing was changed. Stop the servers, keep a copy, and restore a backup; or export what "
        "can still be read (backscroll export), and import it into a new database.\n"
    )


def test_a_missing_database_is_not_created(database: str, tmp_path: Path) -> None:
    done = run("maintain", "--database", database)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "backscroll: there is no database yet: the first tool call or import creates it\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_compacting_is_refused_on_postgresql() -> None:
    done = run("maintain", "--compact", "--database", "postgresql://nobody@127.0.0.1:1/none")
    assert done.exit_code == 2
    assert done.stderr.startswith("backscroll: --compact is for SQLite: on PostgreSQL, freed space")


@pytest.mark.parametrize("days", ["0", "-1", "x", "3,3", "36501", "a=", "=x", "a=1,a=2", "1.5"])
def test_days_that_cannot_be_meant_are_refused(days: str, database: str) -> None:
    done = run("maintain", "--database", database, "--keep-days", days)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "backscroll: --keep-days must be a number of days from 1 to 36500, and may have others for "
        "partitions, comma-separated: 365,team-a=30,team-b=0, where 0 keeps everything.\n"
    )
