"""Short functions to create and read conversations and errors in tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from sqlalchemy import Engine, event

Json = dict[str, Any]


async def new_thread(api: httpx2.AsyncClient, texts: tuple[str, ...] = ()) -> str:
    messages = [{"role": "user", "content": text} for text in texts]
    reply = await api.post("/threads", json={"messages": messages})
    assert reply.status_code == 200, reply.text
    identifier: str = reply.json()["id"]
    return identifier


async def add(api: httpx2.AsyncClient, thread_id: str, text: str) -> str:
    body = {"role": "user", "content": text}
    reply = await api.post(f"/threads/{thread_id}/messages", json=body)
    assert reply.status_code == 200, reply.text
    identifier: str = reply.json()["id"]
    return identifier


async def new_conversation(api: httpx2.AsyncClient, texts: tuple[str, ...] = ()) -> str:
    """Return the id of a conversation of up to 20 messages."""
    items = [{"role": "user", "content": text} for text in texts]
    reply = await api.post("/conversations", json={"items": items})
    assert reply.status_code == 200, reply.text
    identifier: str = reply.json()["id"]
    return identifier


async def add_items(api: httpx2.AsyncClient, conversation_id: str, *items: Json) -> list[Json]:
    """Append items, and return the stored items."""
    reply = await api.post(f"/conversations/{conversation_id}/items", json={"items": items})
    assert reply.status_code == 200, reply.text
    made: list[Json] = reply.json()["data"]
    return made


async def page(api: httpx2.AsyncClient, url: str, **params: str | int) -> Json:
    reply = await api.get(url, params=params or None)
    assert reply.status_code == 200, reply.text
    found: Json = reply.json()
    return found


def texts(listed: Json) -> list[str]:
    return [message["content"][0]["text"]["value"] for message in listed["data"]]


def texts_of_items(listed: Json) -> list[str]:
    """Return the text of each message of a conversation, which has one part."""
    return [item["content"][0]["text"] for item in listed["data"]]


def error(reply: httpx2.Response, status: int) -> Json:
    """Return the envelope of an error, which must have all its fields and no others."""
    assert reply.status_code == status, reply.text
    envelope: Json = reply.json()
    assert list(envelope) == ["error"]
    assert list(envelope["error"]) == ["message", "type", "param", "code"]
    return {name: value for name, value in envelope["error"].items() if name != "type"}


def is_of_background(statement: str) -> bool:
    """Return whether a statement may be one of the store's own tasks, which run beside requests."""
    return "search_" in statement or "message_count IS NULL" in statement


@contextmanager
def recorded() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that reach a database, with their parameters.

    Statements that may be those of the store's own tasks are left out.
    """
    seen: list[tuple[str, Any]] = []

    def record(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event has six
        if not is_of_background(arguments[2]):
            seen.append((arguments[2], arguments[3]))

    event.listen(Engine, "before_cursor_execute", record)
    yield seen
    event.remove(Engine, "before_cursor_execute", record)
