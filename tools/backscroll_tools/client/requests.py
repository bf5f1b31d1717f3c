"""Requests to an OpenAI-shaped API, built as plain values by pure functions.

Paths and parameters are those of OpenAI's published documents: 2026-08-21, and 2024-04-15 for
the files of a message.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON, Order

ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}")
"""What an id may look like; nothing else ever reaches a URL."""

THREADS: Final = ("OpenAI-Beta", "assistants=v2")
MESSAGE_FILES: Final = ("OpenAI-Beta", "assistants=v1")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, below an upstream's base URL. The body stays out of `repr`."""

    method: Literal["GET", "POST"]
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: JSON | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """Which items of a list to ask for: up to `limit` (1–100) behind the id `after`, if any."""

    limit: int
    order: Order
    after: str = ""
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The slice as query parameters."""
        after = (("after", self.after),) if self.after else ()
        return (("limit", str(self.limit)), ("order", self.order), *after, *self.filters)


def segment(value: str, argument: str = "id") -> str:
    """Return an id as one path segment.

    Raises:
        ToolError: `invalid_arguments` where it is no id.
    """
    if ID.fullmatch(value) is None or set(value) == {"."}:
        raise invalid_arguments(
            f"{argument} is not an id: ids are 1 to 256 letters, digits, '_', '.', '=' or '-', "
            "and start with a letter, a digit or '_'.",
            "Copy the id exactly as a list tool returned it.",
        )
    return quote(value, safe="")


def list_threads(window: Slice) -> Request:
    """List threads, which our store and Foundry can."""
    return Request("GET", "/threads", window.query, (THREADS,))


def retrieve_thread(thread_id: str) -> Request:
    """Read one thread."""
    return Request("GET", f"/threads/{segment(thread_id, 'thread_id')}", (), (THREADS,))


def create_thread(message: JSON, idempotency_key: str) -> Request:
    """Create a thread that starts with one message."""
    body: JSON = {"messages": [message]}
    return Request("POST", "/threads", (), (THREADS, _key(idempotency_key)), body)


def list_messages(thread_id: str, window: Slice) -> Request:
    """List a thread's messages."""
    return Request("GET", _messages(thread_id), window.query, (THREADS,))


def retrieve_message(thread_id: str, message_id: str) -> Request:
    """Read one message of a thread."""
    path = f"{_messages(thread_id)}/{segment(message_id, 'message_id')}"
    return Request("GET", path, (), (THREADS,))


def create_message(thread_id: str, message: JSON, idempotency_key: str) -> Request:
    """Add a message to a thread."""
    return Request("POST", _messages(thread_id), (), (THREADS, _key(idempotency_key)), message)


def list_message_files(thread_id: str, message_id: str, window: Slice) -> Request:
    """List the files of a message (version 1 of the API only)."""
    path = f"{_messages(thread_id)}/{segment(message_id, 'message_id')}/files"
    return Request("GET", path, window.query, (MESSAGE_FILES,))


def list_chat_completions(window: Slice) -> Request:
    """List stored chat completions; filters are `model` and `metadata[key]`."""
    return Request("GET", "/chat/completions", window.query)


def retrieve_chat_completion(completion_id: str) -> Request:
    """Read one stored chat completion."""
    return Request("GET", f"/chat/completions/{segment(completion_id, 'completion_id')}")


def list_chat_messages(completion_id: str, window: Slice) -> Request:
    """List the messages of a stored chat completion."""
    path = f"/chat/completions/{segment(completion_id, 'completion_id')}/messages"
    return Request("GET", path, window.query)


def _messages(thread_id: str) -> str:
    return f"/threads/{segment(thread_id, 'thread_id')}/messages"


def _key(idempotency_key: str) -> tuple[str, str]:
    return ("Idempotency-Key", idempotency_key)
