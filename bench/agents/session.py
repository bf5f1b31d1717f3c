"""One session of an agent: two turns, recorded, and read back with the tools."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.agents.programs import PROMPT, Agent
from bench.conversations import database
from bench.figures import UnmeasuredError
from bench.host import started
from bench.hosts.home import finished, home
from bench.hosts.programs import INSTALLED
from bench.servers import backscroll, served
from tests.models.dialects import BY_NAME
from tests.models.process import model_server
from tests.models.script import JSON

TIMEOUT_S: Final = 120
"""How many seconds an agent may take for one turn."""

NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy at which nothing listens, for requests to other machines."""

PREVIEW: Final = 1_000
"""How many characters of each message are read; an agent's instructions have 20,000 and more."""

TURNS: Final = (("Note the heron.", "heron"), ("Now the egret.", "egret"))
"""What is asked, and the word that the command appends to a file."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a session left.

    Attributes:
        output: what the agent printed, turn by turn.
        note: the file that the commands wrote.
        asked: the requests for an answer that the model got, as JSON.
        answers: the ids of the recorded answers that a search for the words finds.
        messages: the messages of the last answer, as `get-chat-messages` returns them.
        stored: the number of messages and items that the store keeps.
    """

    output: tuple[str, ...]
    note: str
    asked: tuple[JSON, ...]
    answers: frozenset[str]
    messages: tuple[JSON, ...]
    stored: int

    @property
    def sent(self) -> int:
        """The number of messages and items that the requests had."""
        return sum(len(each.get("input") or each["messages"]) for each in self.asked)


def run(agent: Agent, installed: Path = INSTALLED, timeout_s: float = TIMEOUT_S) -> Session:
    """Run a session of an agent through a recorder in front of a scripted model.

    Args:
        agent: the agent.
        installed: the folder `node_modules` with the agent.
        timeout_s: how many seconds it may take for each turn.

    Raises:
        UnmeasuredError: the agent failed, or nothing was recorded.
    """
    return asyncio.run(_run(agent, installed, timeout_s))


async def _run(agent: Agent, installed: Path, timeout_s: float) -> Session:
    async with model_server(BY_NAME[agent.dialect]) as model:
        with database() as url, served(url, "--forward", model.url, "--record", "all") as store:
            address = store.base_url.removesuffix("/v1")
            with home(agent.program, address, NOWHERE, installed) as (environ, work):
                output = [
                    await asyncio.to_thread(
                        _turn, agent, number, (environ, work), installed, timeout_s
                    )
                    for number in range(len(TURNS))
                ]
                note = (work / "notes.txt").read_text(encoding="utf-8")
            asked = [each for each in await model.asked() if each["method"] == "POST"]
            answers, messages = await asyncio.to_thread(_read_back, url)
            stored = _stored(url)
    bodies = tuple(json.loads(each["body"]) for each in asked)
    return Session(tuple(output), note, bodies, answers, messages, stored)


def _turn(
    agent: Agent,
    number: int,
    place: tuple[Mapping[str, str], Path],
    installed: Path,
    timeout_s: float,
) -> str:
    """Let an agent take one turn, and return what it printed.

    Raises:
        UnmeasuredError: it failed.
    """
    text, word = TURNS[number]
    prompt = agent.prompt(text, f"echo {word} >> notes.txt; cat notes.txt")
    options = agent.again if number else agent.program.options
    said = "" if PROMPT in options else prompt
    command = (
        str(installed / ".bin" / agent.program.program),
        *(prompt if option == PROMPT else option for option in options),
    )
    code, output = finished(command, *place, timeout_s, said)
    if code:
        raise UnmeasuredError(f"exit code {code} in turn {number + 1}: {output.strip()[-500:]}")
    return output


def _read_back(url: str) -> tuple[frozenset[str], tuple[JSON, ...]]:
    """Return the ids of the answers that a search finds, and the messages of the last one.

    Raises:
        UnmeasuredError: nothing is found.
    """
    with started(backscroll(url)) as host:
        found = [
            host.call("search-messages", query=word, order="newest", limit=50) for _, word in TURNS
        ]
        ids = [
            [hit["thread_id"] for hit in result["structuredContent"]["hits"]] for result in found
        ]
        if not ids[-1]:
            raise UnmeasuredError("nothing was recorded")
        last = ids[-1][0]
        items = {"items": True} if last.startswith("resp_") else {}
        page: dict[str, Any] = host.call(
            "get-chat-messages", completion_id=last, limit=100, preview_chars=PREVIEW, **items
        )["structuredContent"]
    return frozenset(each for every in ids for each in every), tuple(page["messages"])


def _stored(url: str) -> int:
    """Return the number of messages and items in a database of SQLite."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - constant names
            for table in ("response_items", "completion_messages")
        ]
    return sum(counts)
