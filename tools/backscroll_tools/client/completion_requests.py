"""Builds the requests about stored chat completions."""

from backscroll_tools.client.groups import CHAT_COMPLETIONS
from backscroll_tools.client.requests import Request, Slice, segment


def list_chat_completions(window: Slice) -> Request:
    """List stored chat completions. They can be filtered by `model` and `metadata[key]`."""
    return Request("GET", CHAT_COMPLETIONS, CHAT_COMPLETIONS.root, window.query)


def retrieve_chat_completion(completion_id: str) -> Request:
    """Read one stored chat completion."""
    return Request("GET", CHAT_COMPLETIONS, _completion(completion_id))


def list_chat_messages(completion_id: str, window: Slice) -> Request:
    """List the messages of a stored chat completion."""
    path = f"{_completion(completion_id)}/messages"
    return Request("GET", CHAT_COMPLETIONS, path, window.query)


def _completion(completion_id: str) -> str:
    return f"{CHAT_COMPLETIONS.root}/{segment(completion_id, 'completion_id')}"
