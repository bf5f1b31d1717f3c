"""Runs the demo: imports the conversations, starts the server, and runs the scenes."""

import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TextIO

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from rich.console import Console

from backscroll.commands.demo import history_scenes, scenes
from backscroll.commands.demo.cast import ASKED, COMPLETIONS, Cast, choose, source
from backscroll.commands.demo.invented import QUESTION
from backscroll.commands.demo.scenes import Act
from backscroll.commands.demo.stage import Stage
from backscroll.commands.terminal import verbatim
from backscroll.commands.transfer.importing import import_sources
from backscroll.settings.paths import sqlite_url

_DEADLINE_S: Final = 120
"""The time limit for the demo, in seconds. The demo usually takes a tenth of the limit."""

_RESPONSE_S: Final = 20
"""The time limit for each response of the server, in seconds."""

_LOG_CHARS: Final = 2_000


async def run(
    console: Console | None = None, cast: Cast | None = None, python: str = sys.executable
) -> int:
    """Run the demo; return 0 if every check passed, otherwise 1.

    Args:
        console: the console to print to; by default, stdout.
        cast: the conversations; by default, what `choose` returns.
        python: the interpreter that runs the server.

    Raises:
        CommandError: the dataset is not installed.
    """
    verbatim()
    started = time.monotonic()
    stage = Stage(console or Console(highlight=False))
    cast = cast or choose()
    with TemporaryDirectory(prefix="backscroll-demo-") as folder:
        log = Path(folder, "server.log")
        try:
            with anyio.fail_after(_DEADLINE_S):
                await _run_scenes(stage, cast, Path(folder), log, python)
        except* Exception as group:  # noqa: BLE001 - the outermost boundary shows every error
            for error in _leaves(group):
                stage.check(f"the demo completes ({type(error).__name__}: {error})", passed=False)
        if stage.failed:
            stage.reads(_end_of(log), lines=20)
    seconds = time.monotonic() - started
    if stage.failed:
        noun = "check" if len(stage.failed) == 1 else "checks"
        stage.end(f"{len(stage.failed)} {noun} failed in {seconds:.1f} s:", "bold red")
        for claim in stage.failed:
            stage.say(claim)
        return 1
    stage.end(f"All {stage.passed} checks passed in {seconds:.1f} s.", "bold green")
    stage.say("Your own history: backscroll sync, or backscroll import EXPORT.zip")
    stage.say("Your own agent:   backscroll connect (lists Claude, VS Code, Cursor, ...)")
    return 0


async def _run_scenes(stage: Stage, cast: Cast, folder: Path, log: Path, python: str) -> None:
    home, file = folder / "home", folder / "demo.db"
    home.mkdir()
    database = sqlite_url(file)
    stage.scene("An invented history, brought into a temporary store")
    await history_scenes.synced(stage, database, home, python, int(time.time()))
    stage.scene("Real conversations, imported as well")
    tally = await import_sources(database, [source(cast)], stage.say)
    stage.say(
        f"{len(cast.conversations)} conversations with {cast.messages():,} messages, "
        f"and {COMPLETIONS} stored chat completions."
    )
    stage.check(f"{tally}", tally.counts["imported"] == len(cast.conversations) + COMPLETIONS)
    stage.scene("backscroll started over stdio, an MCP client connected")
    async with _connected(database, log, python) as client:
        act = Act(client, stage, cast)
        await scenes.tools(act)
        stage.scene(f'A person asks: "{QUESTION}"')
        found = await history_scenes.question(act)
        stage.scene("What was said around it")
        await history_scenes.around(act, found, _files_of(file))
        stage.scene(f'A person asks: "{ASKED}"')
        answer = await scenes.question(act)
        stage.scene("The messages around the answer")
        customer_id = await scenes.around(act, answer)
        stage.scene("The threads that an agent finds")
        thread_id = await scenes.threads(act)
        stage.scene("The newest messages of the longest conversation")
        await scenes.newest(act, thread_id)
        stage.scene("The whole conversation, page by page")
        await scenes.whole(act, thread_id)
        stage.scene("Previews, then one complete message")
        await scenes.skim(act, thread_id)
        stage.scene("A message created, and the same call repeated")
        await scenes.create(act, customer_id)
        stage.scene("The files of a message")
        await scenes.files(act, thread_id)
        stage.scene("A stored chat completion")
        await scenes.stored(act)


@asynccontextmanager
async def _connected(database: str, log: Path, python: str) -> AsyncIterator[Client]:
    """Start the server as an MCP host does, connect to it, and append its stderr to a log file."""
    environment = {"BACKSCROLL_DATABASE": database}
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    server = StdioServerParameters(command=python, args=["-m", "backscroll"], env=environment)
    with _appending(log) as errors:
        transport = stdio_client(server, errors)
        async with Client(transport, read_timeout_seconds=_RESPONSE_S) as client:
            yield client


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _appending(log: Path) -> TextIO:
    return log.open("a", encoding="utf-8")


def _files_of(database: Path) -> list[Path]:
    """Return the file of a SQLite database, and the journal files next to it."""
    return list(database.parent.glob(f"{database.name}*"))


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-_LOG_CHARS:] if log.exists() else ""
