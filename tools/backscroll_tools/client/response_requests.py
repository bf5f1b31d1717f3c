"""Builds requests about responses, like `requests`."""

from backscroll_tools.client.dialects import BY_LAST_ID
from backscroll_tools.client.groups import RESPONSES
from backscroll_tools.client.requests import Request, Slice, listing, segment


def list_responses(window: Slice) -> Request:
    """List responses. Some upstreams filter them by `conversation_id` or `model`."""
    return Request("GET", RESPONSES, RESPONSES.root, window.query)


def retrieve_response(response_id: str) -> Request:
    """Read one response, with its output."""
    return Request("GET", RESPONSES, _response(response_id))


def delete_response(response_id: str) -> Request:
    """Delete a response. Its conversation, and the responses before it, remain."""
    return Request("DELETE", RESPONSES, _response(response_id))


def cancel_response(response_id: str) -> Request:
    """Stop a response that is being created in the background."""
    path = f"{_response(response_id)}/cancel"
    return Request("POST", RESPONSES, path, body={}, idempotent=True)


def list_input_items(response_id: str, window: Slice) -> Request:
    """List a response's input: messages, and the other items between them."""
    path = f"{_response(response_id)}/input_items"
    return listing(RESPONSES, path, window, BY_LAST_ID)


def _response(response_id: str) -> str:
    return f"{RESPONSES.root}/{segment(response_id, 'response_id')}"
