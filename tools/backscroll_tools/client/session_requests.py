"""Builds requests to upstreams whose format differs from OpenAI's.

The paths are from OpenAI's API documents and its Python SDK 3.57.0, from Anthropic's API documents
of managed agents, from Mistral's Python SDK 3.7.0, and from Google's Python SDK google-genai 3.6.1
(docs/upstreams.md).
"""

from typing import Final

from msgspec.structs import replace

from backscroll_tools.client import interaction_steps
from backscroll_tools.client.dialects import (
    BY_ITEM,
    BY_LAST_ID,
    BY_NEXT_PAGE,
    BY_NUMBER,
    ENTRIES,
    Dialect,
)
from backscroll_tools.client.groups import (
    AGENT_SESSIONS,
    CHATKIT,
    INTERACTIONS,
    MANAGED_SESSIONS,
    MISTRAL_CONVERSATIONS,
)
from backscroll_tools.client.requests import Request, Slice, listing, segment
from backscroll_tools.models import JSON

STEPS: Final = Dialect(
    next_is="nothing",
    orders={},
    fixed_order="asc",
    rows="outputs",
    items_in=interaction_steps.rows,
)
"""The input and the output of an interaction, which are fields of the interaction itself."""


def list_sessions(window: Slice) -> Request:
    """List agent sessions."""
    return listing(AGENT_SESSIONS, AGENT_SESSIONS.root, window, BY_ITEM)


def retrieve_session(session_id: str) -> Request:
    """Read one agent session, without its items."""
    return Request("GET", AGENT_SESSIONS, _session(session_id))


def list_session_items(session_id: str, window: Slice) -> Request:
    """List the items of an agent session's root agent."""
    return listing(AGENT_SESSIONS, f"{_session(session_id)}/items", window, BY_ITEM)


def send_message(session_id: str, message: JSON, idempotency_key: str) -> Request:
    """Add a message of the user to an agent session.

    The reply has no body: it only confirms that the message was accepted. The upstream acts once on
    requests with the same idempotency key.
    """
    event: JSON = {"type": "agent.session.input.message", "input": [message]}
    body: JSON = {"events": [event]}
    path = f"{_session(session_id)}/events"
    return Request("POST", AGENT_SESSIONS, path, (), body, idempotency_key, is_keyed=True)


def list_chatkit_threads(window: Slice) -> Request:
    """List ChatKit threads."""
    return listing(CHATKIT, CHATKIT.root, window, BY_LAST_ID)


def retrieve_chatkit_thread(thread_id: str) -> Request:
    """Read one ChatKit thread."""
    return Request("GET", CHATKIT, _chatkit_thread(thread_id))


def list_chatkit_items(thread_id: str, window: Slice) -> Request:
    """List the items of a ChatKit thread."""
    return listing(CHATKIT, f"{_chatkit_thread(thread_id)}/items", window, BY_LAST_ID)


def list_managed_sessions(window: Slice) -> Request:
    """List the sessions of managed agents."""
    return listing(MANAGED_SESSIONS, MANAGED_SESSIONS.root, window, BY_NEXT_PAGE)


def retrieve_managed_session(session_id: str) -> Request:
    """Read one session of a managed agent, without its events."""
    return Request("GET", MANAGED_SESSIONS, _managed_session(session_id))


def list_events(session_id: str, window: Slice) -> Request:
    """List the events of a managed agent's session."""
    path = f"{_managed_session(session_id)}/events"
    return listing(MANAGED_SESSIONS, path, window, BY_NEXT_PAGE)


def list_mistral_conversations(window: Slice) -> Request:
    """List the conversations of Mistral's API."""
    return listing(MISTRAL_CONVERSATIONS, MISTRAL_CONVERSATIONS.root, window, BY_NUMBER)


def retrieve_mistral_conversation(conversation_id: str) -> Request:
    """Read one conversation of Mistral's API, without its entries."""
    return Request("GET", MISTRAL_CONVERSATIONS, _mistral_conversation(conversation_id))


def list_entries(conversation_id: str, window: Slice) -> Request:
    """List the entries of a conversation of Mistral's API. The reply always contains all of them.

    The API's list of messages alone, `/messages`, lacks the calls of tools.
    """
    path = f"{_mistral_conversation(conversation_id)}/history"
    return listing(MISTRAL_CONVERSATIONS, path, window, ENTRIES)


def retrieve_interaction(interaction_id: str) -> Request:
    """Read one interaction of Google's API, without its input."""
    path = f"{INTERACTIONS.root}/{segment(interaction_id, 'completion_id')}"
    return Request("GET", INTERACTIONS, path)


def list_steps(interaction_id: str, window: Slice) -> Request:
    """List the input and the output of an interaction. The reply always contains all of them."""
    filters = (*window.filters, ("include_input", "true"))
    path = retrieve_interaction(interaction_id).path
    return listing(INTERACTIONS, path, replace(window, filters=filters), STEPS)


def _session(session_id: str) -> str:
    return f"{AGENT_SESSIONS.root}/{segment(session_id, 'thread_id')}"


def _chatkit_thread(thread_id: str) -> str:
    return f"{CHATKIT.root}/{segment(thread_id, 'thread_id')}"


def _managed_session(session_id: str) -> str:
    return f"{MANAGED_SESSIONS.root}/{segment(session_id, 'thread_id')}"


def _mistral_conversation(conversation_id: str) -> str:
    return f"{MISTRAL_CONVERSATIONS.root}/{segment(conversation_id, 'thread_id')}"
