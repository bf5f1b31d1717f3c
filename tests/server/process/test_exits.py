"""A fault that only the operator can fix ends a command in one line, whatever found it."""

import importlib
import pkgutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import backscroll
from backscroll.commands.demo.scenes import SceneError
from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    StoreError,
)
from backscroll.database.locks import PrimaryNeededError
from backscroll.history.reading.sqlite_source import DatabaseError
from backscroll.history.source_file import DamagedFileError
from backscroll.http.auth.issuer import IssuerError
from backscroll.http.refusals import RefusedError
from backscroll.process.exits import UNUSABLE, CommandError, clean_exit
from backscroll.settings.model import Settings
from backscroll.settings.operator_errors import OperatorError
from backscroll.settings.parsing import SettingsError
from backscroll.store.api_errors import ApiError
from backscroll.store.recorder.relaying.caller import CallerGoneError
from backscroll.store.search.embeddings import EmbeddingsError
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from backscroll.upstream.credentials import NoKeyError
from backscroll_tools.errors import ToolError

LINES = {
    SettingsError("BACKSCROLL_LOG_LEVEL must be a level."): "BACKSCROLL_LOG_LEVEL must be a level.",
    NoKeyError("BACKSCROLL_API_KEY is needed."): "BACKSCROLL_API_KEY is needed.",
    CommandError("--port is taken"): "--port is taken",
    StoreError("store.db is a directory"): "store.db is a directory",
    DatabaseBusyError(): "another program or transaction has locked the database",
    DatabaseUnavailableError("no route"): "the database does not respond: no route",
    DatabaseFailedError("full", "SQLITE_FULL", "store.db"): (
        "the database store.db: its disk is full (SQLITE_FULL)"
    ),
    CommitUnknownError(): "the connection to the database was lost during a commit",
}

OF_OTHERS = {
    *(ApiError, IssuerError, RefusedError, SceneError),
    *(CallerGoneError, DamagedFileError, DatabaseError, EmbeddingsError),
    PrimaryNeededError,
}
"""What is told to clients and callers, is told the operator as another error, or is never told."""


@pytest.mark.parametrize("error", LINES, ids=lambda error: type(error).__name__)
def test_what_the_operator_must_mend_ends_a_command_in_one_line(
    error: OperatorError, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, clean_exit():
        raise error

    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (UNUSABLE, "")
    assert printed.err == f"backscroll: {LINES[error]}\n"


def test_every_error_is_for_the_operator_or_for_somebody_else() -> None:
    for module in pkgutil.walk_packages(backscroll.__path__, "backscroll."):
        if not module.name.endswith(("__main__", "v1_first", "v2_partitions", "v3_retention")):
            importlib.import_module(module.name)
    ours = {
        error
        for error in _below(Exception)
        if error.__module__.startswith("backscroll.") and not error.__name__.startswith("_")
    }

    neither = {
        error
        for error in ours - OF_OTHERS
        if not issubclass(error, OperatorError | ToolError | ValueError)
    }
    assert {error.__name__ for error in neither} == set()


async def test_a_store_that_fails_while_it_is_opened_is_said_to_be_unavailable(
    tmp_path: Path,
) -> None:
    file = tmp_path / "store.db"
    settings = Settings(database=f"sqlite:///{file}")
    async with UpstreamConnection(settings, upstream_of(settings)) as connection:
        await connection.client()
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE retention_clock")

    async with UpstreamConnection(settings, upstream_of(settings)) as connection:
        with pytest.raises(ToolError) as failed:
            await connection.client()
    assert (failed.value.code, failed.value.message) == (
        "upstream_unavailable",
        f"The store cannot be opened: the database {file}: its file is damaged (SQLITE_ERROR)",
    )


def _below(error: type[Exception]) -> set[type[Exception]]:
    direct = set(error.__subclasses__())
    return direct.union(*map(_below, direct))
