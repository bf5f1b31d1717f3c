"""The dataset comes back as it went in, through the commands and a host's own client.

`make test` takes every hundredth conversation and the longest one; `make soak PARTS=dataset`, all.
"""

import asyncio
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from backscroll.commands.transfer.formats import chitchat
from tests.faults.figures import LONG, sized
from tests.pace import limit_s
from tests.product import processes

CONVERSATIONS = 7_168
MESSAGES = 258_145
LONGEST = 2_895
EVERY = sized(quick=100, long=1)
LIMIT = 500
WALKERS = 4
"""How many threads are walked at a time, so that the client and the server both have work."""


@pytest.mark.timeout(limit_s(300))  # of all conversations; half of it is the import
async def test_every_message_of_every_conversation_is_walked_exactly_once_and_unaltered(
    tmp_path: Path,
) -> None:
    conversations = chosen()
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps(conversations), "utf-8")
    written = {uuid: texts_of(conversation) for uuid, conversation in conversations.items()}
    environ = processes.variables(f"sqlite:///{tmp_path / 'dataset.db'}")
    said = processes.run("import", str(file), environ=environ, timeout_s=250)
    assert said == f"{len(written)} imported, 0 already there, 0 refused\n"

    async with Client(processes.over_stdio(environ)) as client:
        threads = [
            thread
            async for page in processes.pages(client, "list-threads", limit=LIMIT)
            for thread in page["threads"]
        ]
        walked = {thread["metadata"]["conversation"]: thread["message_count"] for thread in threads}
        assert walked == {uuid: len(texts) for uuid, texts in written.items()}

        ids: list[str] = []
        left = enumerate(threads)
        async with asyncio.TaskGroup() as walkers:
            for _ in range(WALKERS):
                walkers.create_task(walk(client, left, written, ids))

    messages = sum(map(len, written.values()))
    assert (len(threads), len(ids), len(set(ids))) == (len(written), messages, messages)
    assert max(walked.values()) == LONGEST
    if LONG:
        assert (len(threads), len(ids)) == (CONVERSATIONS, MESSAGES)


def chosen() -> dict[str, Any]:
    """Return every `EVERY`th conversation of the dataset, and its longest."""
    found: dict[str, Any] = json.loads(chitchat.installed().read_bytes())
    longest = max(found, key=lambda uuid: len(texts_of(found[uuid])))
    return {**dict(islice(found.items(), 0, None, EVERY)), longest: found[longest]}


def texts_of(conversation: dict[str, Any]) -> list[str]:
    """Return the texts of a conversation, oldest first."""
    return [utterance["text"] for utterance in chain.from_iterable(conversation["messages"])]


async def walk(
    client: Client,
    threads: Iterator[tuple[int, dict[str, Any]]],
    written: dict[str, list[str]],
    ids: list[str],
) -> None:
    """Walk one thread after the other, oldest first and newest first in turn."""
    for number, thread in threads:
        order = "asc" if number % 2 else "desc"
        messages = [
            message
            async for page in processes.pages(
                client, "list-messages", thread_id=thread["id"], order=order, limit=LIMIT
            )
            for message in page["messages"]
        ]
        texts = written[thread["metadata"]["conversation"]]
        assert [message["text"] for message in messages] == (
            texts if order == "asc" else texts[::-1]
        )
        assert not any("clipped" in message for message in messages)
        ids += [message["id"] for message in messages]
