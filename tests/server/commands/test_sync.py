"""`backscroll sync`: what it shows, and how it ends."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from click.testing import Result

from backscroll.commands.sync.running import SyncCommand
from backscroll.history.sources.known import SOURCES
from backscroll.history.sync.syncing import SyncOptions
from backscroll.settings import loading, programs
from backscroll.settings.parsing import SettingsError
from tests.history.sync.claude_logs import Home, Log
from tests.server.command_line import COMMAND, backscroll, variables

SLOW: Final = {"asyncio", "pydantic", "sqlalchemy", "starlette"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def sync(home: Home, *arguments: str, environ: Mapping[str, str] | None = None) -> Result:
    variables = {"HOME": str(home.path), **(environ or {})}
    return backscroll(f"sqlite:///{home.path}/x.db", "sync", *arguments, environ=variables)


def said(home: Home, text: str) -> Log:
    """Return a new session of one message, last changed at 03:04 on January 2, 2026."""
    log = home.log()
    log.say(text)
    os.utime(log.path, (1_767_323_045, 1_767_323_045))
    return log


def test_a_sync_shows_what_was_found_and_what_was_done(home: Home) -> None:
    size = said(home, "Fix it").path.stat().st_size

    first, second = sync(home), sync(home)

    assert first.stdout == (
        "source       files  new   size  latest (UTC)\n"
        f"claude-code      1    1  {size} B  2026-01-02 03:04\n"
        "claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (1 new item)\n"
    )
    assert second.stdout == (
        "source       files  new   size  latest (UTC)\n"
        f"claude-code      1    0  {size} B  2026-01-02 03:04\n"
        "nothing is new\n"
    )
    assert (first.exit_code, second.exit_code) == (0, 0)


def test_a_session_that_was_erased_because_of_its_age_never_comes_back(home: Home) -> None:
    log = said(home, "Fix it")
    kept = {"BACKSCROLL_KEEP_DAYS": "30"}
    url = f"sqlite:///{home.path}/x.db"

    first = sync(home, environ=kept)
    erased = backscroll(url, "maintain", "--trust-clock", environ=kept)
    second = sync(home, environ=kept)
    log.say("And test it")
    third = sync(home, environ=kept)
    last = backscroll(url, "export")

    assert first.stderr == (
        "backscroll: 1 object is older than BACKSCROLL_KEEP_DAYS, by the times in them: a running "
        "server erases them for good, and no later import brings them back\n"
    )
    assert "kept      30 days: 1 erased for good\n" in erased.stdout
    assert second.stdout.endswith("nothing is new\n")
    assert "0 imported" in third.stdout
    assert (third.stderr, last.stdout) == ("", "")


def test_a_sync_with_nothing_new_does_without_the_slow_imports(home: Home) -> None:
    said(home, "Fix it")
    sync(home)

    again = subprocess.run(
        (sys.executable, "-X", "importtime", *COMMAND[1:], "sync"),
        env=variables(database=f"sqlite:///{home.path}/x.db") | {"HOME": str(home.path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    assert again.stdout.endswith("\nnothing is new\n")
    assert not SLOW & {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE backscroll_schema SET version = 99", "was written by a newer Backscroll"),
        ("DROP TABLE watermarks", "its file is damaged"),
    ],
)
def test_a_store_that_cannot_be_used_is_reported_although_nothing_is_new(
    home: Home, change: str, words: str
) -> None:
    said(home, "Fix it")
    sync(home)
    with closing(sqlite3.connect(home.path / "x.db", isolation_level=None)) as database:
        database.execute(change)

    again = sync(home)

    assert again.exit_code == 2
    assert words in again.stderr


def test_a_sync_of_another_partition_imports_the_files_too(home: Home) -> None:
    said(home, "Fix it")

    first, second = sync(home), sync(home, "--project", "harbor")

    assert "1 imported" in first.stdout
    assert "1 imported" in second.stdout


def test_a_dry_run_imports_nothing(home: Home) -> None:
    said(home, "Fix it")

    first, second = sync(home, "--dry-run"), sync(home, "--dry-run")

    assert "claude-code      1    1  " in first.stdout
    assert first.stdout == second.stdout


def test_a_dry_run_without_a_store_creates_none(home: Home) -> None:
    said(home, "Fix it")

    assert "claude-code      1    1  " in sync(home, "--dry-run").stdout
    assert [each.name for each in home.path.iterdir()] == [".claude"]


class _StoppedError(Exception):
    pass


async def test_a_watch_shows_what_was_found_and_how_to_end_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = said(home, "Fix it").path.stat().st_size
    monkeypatch.setenv("HOME", str(home.path))
    lines: list[str] = []

    def say(text: str) -> None:
        lines.extend(text.splitlines())
        if lines[-1].startswith("claude-code: "):
            raise _StoppedError

    command = SyncCommand(
        database="sqlite:///:memory:", sources=SOURCES, options=SyncOptions(), say=say
    )

    with pytest.raises(_StoppedError):
        await command.watch()

    assert lines == [
        "source       files  new   size  latest (UTC)",
        f"claude-code      1    1  {size} B  2026-01-02 03:04",
        "watching for changes; Ctrl-C ends it",
        "claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (1 new item)",
    ]


def test_a_machine_without_sessions_is_told_which_were_looked_for(home: Home) -> None:
    home.path.mkdir()
    result = sync(home, "codex", "llm")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "no sessions were found of: codex, llm",
        "to bring in files that you have elsewhere: backscroll import PATH",
    ]


def test_only_the_named_sources_are_synced(home: Home) -> None:
    said(home, "Fix it")

    assert sync(home, "codex").stdout.startswith("no sessions were found of: codex\n")


def test_calls_of_tools_are_found_if_the_operator_chooses_that(home: Home) -> None:
    log = said(home, "Fix it")
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls harbor"}}
    message = {"role": "assistant", "content": [call]}
    line = log.line("", "assistant") | {"message": message}
    log.path.write_text(log.path.read_text() + json.dumps(line) + "\n")

    sync(home, environ={"BACKSCROLL_INDEX": "all"})
    found = backscroll(f"sqlite:///{home.path}/x.db", "search", "harbor")

    assert "ls **harbor**" in found.stdout


def test_an_unknown_source_is_refused_with_those_that_are_known(home: Home) -> None:
    result = sync(home, "netscape")

    assert result.exit_code == 2
    assert "'netscape' is not one of 'claude-code', 'codex'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--watch", "--dry-run"), "--watch and --dry-run exclude each other"),
        (("--since", "soon"), "--since 'soon' is not a date, a time or an age"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    home: Home, arguments: tuple[str, ...], words: str
) -> None:
    result = sync(home, *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_a_session_that_cannot_be_read_is_reported_with_exit_code_1(home: Home) -> None:
    log = home.log()
    log.say("Fix it")
    with log.path.open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    log.say("Done", "assistant")

    result = sync(home)

    assert result.exit_code == 1
    assert "1 imported, 0 updated, 0 already there, 1 refused (2 new items)" in result.stdout
    assert f"{log.path}: line 2 " in result.stderr


def test_settings_name_every_source() -> None:
    assert tuple(source.name for source in SOURCES) == programs.SOURCES


def test_only_the_embedded_store_keeps_sources_in_step() -> None:
    environ = {
        "BACKSCROLL_SOURCES": "codex",
        "BACKSCROLL_UPSTREAM": "compatible",
        "BACKSCROLL_BASE_URL": "http://127.0.0.1:1",
    }

    with pytest.raises(SettingsError) as failure:
        loading.load(environ=environ)

    assert str(failure.value) == (
        "BACKSCROLL_SOURCES needs the embedded store, but BACKSCROLL_UPSTREAM is compatible."
    )


def test_a_file_whose_time_is_in_the_far_future_is_imported_once(home: Home) -> None:
    os.utime(said(home, "Fix it").path, (15_000_000_000, 15_000_000_000))  # in the year 2445

    first, second = sync(home), sync(home)

    assert "1 imported" in first.stdout
    assert "nothing is new" in second.stdout
    assert (first.exit_code, second.exit_code) == (0, 0)
