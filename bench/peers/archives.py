"""Asks another program's search without a network: `archives.py NAME FOLDER`.

The script reads conversations and queries from `FOLDER/asked.json`. It writes the answer to
each query, and the size of the archive in bytes, to `FOLDER/answers.json`. A message's id is
`THREAD_POSITION`.
"""

import asyncio
import json
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

Hits: TypeAlias = list[str]
Search: TypeAlias = Callable[[str], Awaitable[Hits]]

DATE = 1_700_000_000


def no_network(event: str, _arguments: object) -> None:
    """Refuse every connection and every look-up of a host."""
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        raise OSError("the network is switched off")


def pensieve(folder: Path, threads: list[list[str]]) -> tuple[Search, Path]:
    """Import a ChatGPT export with ai-pensieve-mcp, and return its tool `search_history`."""
    from archive_mcp.chatgpt import import_file
    from archive_mcp.db import connect
    from archive_mcp.mcp_server import create_server

    export, database = folder / "conversations.json", folder / "archive.sqlite"
    conversations = []
    for number, texts in enumerate(threads):
        nodes = {}
        for position, text in enumerate(texts):
            name = f"{number}_{position}"
            nodes[name] = {
                "id": name,
                "parent": f"{number}_{position - 1}" if position else None,
                "message": {
                    "id": name,
                    "author": {"role": "assistant" if position % 2 else "user"},
                    "content": {"content_type": "text", "parts": [text]},
                    "create_time": DATE + number + position,
                },
            }
        conversations.append({"id": f"{number}", "create_time": DATE + number, "mapping": nodes})
    export.write_text(json.dumps(conversations), encoding="utf-8")
    connection = connect(database)
    import_file(connection, export)
    connection.close()
    server = create_server(database)

    async def search(query: str) -> Hits:
        result: Any = await server.call_tool("search_history", {"query": query})
        if getattr(result, "is_error", False):
            raise RuntimeError(result.content[0].text)
        return [hit["record_id"] for hit in result.structured_content["result"]]

    return search, database


def conversation_search(folder: Path, threads: list[list[str]]) -> tuple[Search, Path]:
    """Index sessions of Claude Code with ai-conversation-search, and return its search."""
    os.environ["HOME"] = str(folder)
    from conversation_search.core.indexer import ConversationIndexer
    from conversation_search.core.search import ConversationSearch

    project, database = folder / ".claude" / "projects" / "-chats", folder / "index.db"
    project.mkdir(parents=True)
    for number, texts in enumerate(threads):
        lines = []
        for position, text in enumerate(texts):
            role = "assistant" if position % 2 else "user"
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(DATE + number + position))
            line = {
                "uuid": f"{number}_{position}",
                "parentUuid": f"{number}_{position - 1}" if position else None,
                "sessionId": f"{number}",
                "timestamp": at,
                "type": role,
                "message": {"role": role, "content": text},
            }
            lines.append(json.dumps(line))
        (project / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    indexer = ConversationIndexer(str(database), quiet=True)
    indexer.index_all(days_back=None, summarize=False)
    indexer.close()
    finder = ConversationSearch(str(database))

    async def search(query: str) -> Hits:
        return [hit["message_uuid"] for hit in finder.search_conversations(query, limit=10)]

    return search, database


PEERS = {"ai-pensieve-mcp": pensieve, "ai-conversation-search": conversation_search}


async def _answer(search: Search, query: str) -> dict[str, object]:
    begun = time.process_time()
    hits: Hits = []
    error = ""
    try:
        hits = await search(query)
    except Exception as failed:  # noqa: BLE001 - whatever another program raises is its answer
        error = str(failed) or type(failed).__name__
    return {"hits": hits, "error": error, "ms": (time.process_time() - begun) * 1_000}


async def _answers(search: Search, queries: list[str]) -> list[dict[str, object]]:
    return [await _answer(search, query) for query in queries]


def main(name: str, folder: Path) -> None:
    """Fill the archive, search, and write the answers."""
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    sys.addaudithook(no_network)
    search, database = PEERS[name](folder, asked["threads"])
    answers = asyncio.run(_answers(search, asked["queries"]))
    with sqlite3.connect(database) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    written = {"answers": answers, "bytes": database.stat().st_size}
    (folder / "answers.json").write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
