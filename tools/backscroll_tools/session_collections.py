"""The message collections that only one service has, such as sessions of agents."""

from typing import Final, NoReturn

from backscroll_tools.client import (
    chatkit_items,
    items,
    managed_events,
    mistral_entries,
    session_requests,
)
from backscroll_tools.client.groups import (
    CHATKIT,
    INTERACTIONS,
    MANAGED_SESSIONS,
    MISTRAL_CONVERSATIONS,
)
from backscroll_tools.client.message_item import message_item
from backscroll_tools.client.requests import Request
from backscroll_tools.collection import Collection, WritableCollection
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON


def _in_session(session_id: str, message: JSON, key: str) -> Request:
    if message["role"] != "user":
        raise invalid_arguments(
            "Only messages of the role user can be added to an agent session.",
            "Call again with the role user.",
        )
    return session_requests.send_message(session_id, message_item(message), key)


def _no_new_session() -> NoReturn:
    raise invalid_arguments("A new agent session needs an agent.", "Pass the id of a session.")


SESSION: Final = WritableCollection(
    list_messages=session_requests.list_session_items,
    describe=session_requests.retrieve_session,
    noun="session",
    is_message=items.is_message,
    has_items=True,
    message=items.shown,
    page_items=20,
    start=_no_new_session,
    create_message=_in_session,
    returns_id=False,
)
"""A session of OpenAI's Agents API."""

CHATKIT_THREAD: Final = Collection(
    list_messages=session_requests.list_chatkit_items,
    describe=session_requests.retrieve_chatkit_thread,
    noun="thread",
    is_message=lambda raw: items.is_message(chatkit_items.as_item(raw)),
    has_items=True,
    as_item=chatkit_items.as_item,
    message=lambda raw: items.shown(chatkit_items.as_item(raw)),
    page_items=20,
)
MANAGED_SESSION: Final = Collection(
    list_messages=session_requests.list_events,
    describe=session_requests.retrieve_managed_session,
    noun="session",
    is_message=lambda raw: items.is_message(managed_events.as_item(raw)),
    has_items=True,
    as_item=managed_events.as_item,
    message=lambda raw: items.shown(managed_events.as_item(raw)),
    page_items=20,
)
"""A session of Anthropic's managed agents."""

MISTRAL_CONVERSATION: Final = Collection(
    list_messages=session_requests.list_entries,
    describe=session_requests.retrieve_mistral_conversation,
    is_message=lambda raw: items.is_message(mistral_entries.as_item(raw)),
    has_items=True,
    as_item=mistral_entries.as_item,
    message=lambda raw: items.shown(mistral_entries.as_item(raw)),
    lists_all=True,
)
"""A conversation of Mistral's API. It can only be read: to add a message, Mistral runs a model."""

INTERACTION: Final = Collection(
    list_messages=session_requests.list_steps,
    describe=session_requests.retrieve_interaction,
    noun="interaction",
    is_message=items.is_message,
    has_items=True,
    message=items.shown,
    lists_all=True,
)
"""An interaction of Google's API: like a response, it has an input and an output."""

ONLY: Final = {
    CHATKIT: CHATKIT_THREAD,
    MANAGED_SESSIONS: MANAGED_SESSION,
    MISTRAL_CONVERSATIONS: MISTRAL_CONVERSATION,
    INTERACTIONS: INTERACTION,
}
"""The collections of upstreams that serve no other kind."""
