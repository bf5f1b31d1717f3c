"""Converts rows of the table `threads` to the JSON objects in responses."""

from collections.abc import Mapping
from typing import Any

from backscroll.store.envelopes import JSON


def thread_object(row: Mapping[str, Any]) -> JSON:
    """Return the API's object for a thread."""
    return {
        "id": row["id"],
        "object": "thread",
        "created_at": row["created_at"],
        "metadata": row["metadata"] or {},
        "tool_resources": row["tool_resources"] or {},
    }


def listed_thread(row: Mapping[str, Any]) -> JSON:
    """Return the object for a thread in a list of threads. OpenAI's API has no such list."""
    counts = {"message_count": row["message_count"], "last_message_at": row["last_message_at"]}
    return thread_object(row) | counts
