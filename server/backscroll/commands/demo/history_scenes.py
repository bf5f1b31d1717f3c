"""The demo's scenes in which the invented history is synced, imported, searched and read."""

import os
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import anyio
from msgspec import Struct

from backscroll.commands.demo import invented
from backscroll.commands.demo.scenes import Act, SceneError
from backscroll.commands.demo.stage import Stage

_EXPORT = "chatgpt-export.zip"


class CommandLine(Struct, frozen=True):
    """Runs Backscroll's commands as a person does, in a separate home folder.

    Attributes:
        stage: shows the commands and what they print.
        python: the interpreter.
        home: the folder in which the commands run.
        environment: the environment variables to set for the commands.
    """

    stage: Stage
    python: str
    home: Path
    environment: dict[str, str]

    async def run(self, *words: str) -> list[str]:
        """Run a command, show the command and its output, and return the lines of the output.

        Raises:
            SceneError: the command failed.
        """
        self.stage.types(" ".join(["backscroll", *words]))
        # The user's own settings, such as a partition, must not apply to the demo.
        own = {
            name: value for name, value in os.environ.items() if not name.startswith("BACKSCROLL_")
        }
        done = await anyio.run_process(
            [self.python, "-m", "backscroll", *words],
            stdin=DEVNULL,
            check=False,
            cwd=self.home,
            env={**own, "PYTHONIOENCODING": "utf-8", **self.environment},
        )
        printed, errors = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        if done.returncode:
            raise SceneError(f"backscroll {words[0]} failed: {errors.strip()}")
        self.stage.reads(printed, lines=8)
        return printed.splitlines()


async def synced(stage: Stage, database: str, folder: Path, python: str, now_s: int) -> None:
    """Sync two sessions, sync again, and import an archive in the format of ChatGPT's exports.

    Args:
        stage: shows what is done.
        database: the store's URL.
        folder: an empty folder for the files of the history.
        python: the interpreter that runs the commands.
        now_s: the present time in Unix seconds.
    """
    found = invented.write_sessions(folder, now_s)
    invented.write_export(folder / _EXPORT, now_s)
    shell = CommandLine(stage, python, folder, {**found, "BACKSCROLL_DATABASE": database})
    first = await shell.run("sync")
    stage.check(
        "the sessions of Claude Code and Codex are imported, a password is replaced",
        first[-3:]
        == [
            _imported("claude-code", len(invented.FLAKY.texts)),
            _imported("codex", len(invented.SLOW.texts)),
            "1 secret replaced: password (1)",
        ],
    )
    again = await shell.run("sync")
    stage.check("a second sync imports nothing", again[-1] == "nothing is new")
    imported = await shell.run("import", _EXPORT)
    stage.check(
        "the export of ChatGPT is recognised and imported",
        imported[-1] == "1 imported, 0 already there, 0 refused",
    )


async def question(act: Act) -> dict[str, Any]:
    """Ask how something was done last month, and return the best hit."""
    page = await act.call("search-messages", query=invented.QUESTION, limit=1, lines=4)
    best: dict[str, Any] = page["hits"][0]
    answer = best["excerpt"].replace(page["page"]["mark"], "")
    act.stage.check("one call finds the answer, verbatim", answer == invented.FIXED)
    return best


async def around(act: Act, hit: dict[str, Any], stored: Sequence[Path]) -> None:
    """Read the session around a hit.

    Args:
        act: the objects that every scene uses.
        hit: the hit.
        stored: the files of the store.
    """
    page = await act.call(
        "list-messages", thread_id=hit["thread_id"], around=hit["id"], limit=4, lines=9
    )
    texts = [message["text"] for message in page["messages"]]
    act.stage.check(
        "these are the messages around it, verbatim except for the password",
        texts == [*invented.AROUND_FIXED],
    )
    password = invented.PASSWORD.encode()
    act.stage.check(
        "no file of the store contains the password",
        bool(stored) and not any(password in file.read_bytes() for file in stored),
    )


def _imported(source: str, items: int) -> str:
    return f"{source}: 1 conversation: 1 imported, 0 updated, 0 already there ({items} new items)"
