"""The kinds of message collections: threads, conversations, stored completions and responses.

OpenAI replaced threads with conversations, and messages with items of type `message`
(docs/upstreams.md). Tools accept the ids of all of them. The format of an id
decides which `Collection` is used.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, cast

from msgspec.structs import replace

from backscroll_tools.client import completion_requests, items, requests, response_requests
from backscroll_tools.client.file_requests import list_message_files
from backscroll_tools.client.groups import (
    AGENT_SESSIONS,
    CHAT_COMPLETIONS,
    CONVERSATIONS,
    INTERACTIONS,
    MESSAGE_FILES,
    RESPONSES,
    THREADS,
)
from backscroll_tools.client.message_item import message_item
from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.requests import Request
from backscroll_tools.collection import Collection, EditableCollection, WritableCollection
from backscroll_tools.id_kinds import of_another_kind, refuse_as_thread, refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.session_collections import INTERACTION, ONLY, SESSION


def _in_thread(thread_id: str, message: JSON, key: str) -> Request:
    if thread_id:
        return requests.create_message(thread_id, message, key)
    return requests.create_thread([message], {}, key)


def _add_to_thread(thread_id: str, messages: Sequence[JSON], key: str) -> Request:
    (message,) = messages
    return requests.create_message(thread_id, message, key)


def _in_conversation(conversation_id: str, message: JSON, key: str) -> Request:
    items = [message_item(message)]
    if conversation_id:
        return requests.create_items(conversation_id, items, key)
    return requests.create_conversation(items, {}, key)


def _conversation_of(messages: Sequence[JSON], metadata: JSON, key: str) -> Request:
    return requests.create_conversation([*map(message_item, messages)], metadata, key)


def _add_to_conversation(conversation_id: str, messages: Sequence[JSON], key: str) -> Request:
    return requests.create_items(conversation_id, [*map(message_item, messages)], key)


def _objects(value: object) -> list[JSON]:
    """Return the objects of a list; an empty list if the value is not a list."""
    rows = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("JSON", row) for row in rows if isinstance(row, dict)]


def _choices(completion: JSON) -> list[JSON]:
    choices = _objects(completion.get("choices"))
    return _objects([choice.get("message") for choice in choices])


def _response_input(response: JSON) -> list[JSON]:
    """Return the input that a response contains; OpenAI's responses contain none (OGX's do)."""
    sent = response.get("input")
    if isinstance(sent, str) and sent:
        return [{"type": "message", "role": "user", "content": sent}]
    return _objects(sent)


THREAD: Final = EditableCollection(
    list_messages=requests.list_messages,
    describe=requests.retrieve_thread,
    noun="thread",
    retrieve_message=requests.retrieve_message,
    list_files=list_message_files,
    has_runs=True,
    start=requests.start_thread,
    create_message=_in_thread,
    create=requests.create_thread,
    add=_add_to_thread,
    has_metadata=True,
)
CONVERSATION: Final = EditableCollection(
    list_messages=requests.list_items,
    describe=requests.retrieve_conversation,
    retrieve_message=requests.retrieve_item,
    is_message=items.is_message,
    has_items=True,
    message=items.shown,
    page_items=20,
    start=requests.start_conversation,
    create_message=_in_conversation,
    create=_conversation_of,
    add=_add_to_conversation,
    batch_items=20,
)
COMPLETION: Final = Collection(
    list_messages=completion_requests.list_chat_messages,
    describe=completion_requests.retrieve_chat_completion,
    noun="stored completion",
    retrieve=completion_requests.retrieve_chat_completion,
    input_of=lambda completion: _objects(completion.get("input_messages")),
    output_of=_choices,
)
RESPONSE: Final = Collection(
    list_messages=response_requests.list_input_items,
    describe=response_requests.retrieve_response,
    noun="response",
    is_message=items.is_message,
    has_items=True,
    message=items.shown,
    page_items=20,
    is_fixed=True,
    retrieve=response_requests.retrieve_response,
    input_of=_response_input,
    output_of=lambda response: _objects(response.get("output")),
    output_mark="-output-",
)

_RESPONSE_ID: Final = re.compile("(ca)?resp_")
"""The start of a response's id. Azure's hosted agents use `caresp_`."""

_COMPLETION_ID: Final = "chatcmpl"
_SESSION_ID: Final = "sess_"
_THREADS: Final = ("thread", "conversation")
_CHATS: Final = ("chat completion", "response")


def collection_of(profile: Profile, thread_id: str) -> EditableCollection:
    """Return the kind of collection that the `thread_id` of a tool names, if it can be edited.

    Args:
        profile: the kind of upstream.
        thread_id: the id of a thread or a conversation; empty for a new one.

    Raises:
        ToolError: `invalid_arguments` if the id is that of an agent session, or of an object
            without messages in threads, such as a response or a file.
    """
    if _RESPONSE_ID.match(thread_id):
        raise of_another_kind("thread_id", "response", _THREADS, "get-chat-messages")
    refuse_as_thread(thread_id)
    if _is_session(profile, thread_id):
        raise of_another_kind("thread_id", "agent session", _THREADS, "list-messages")
    other = not thread_id.startswith("thread_") and THREADS not in profile.serves
    if other or thread_id.startswith("conv_"):
        return CONVERSATION
    return _thread(has_metadata=profile.keeps_metadata, lists_files=MESSAGE_FILES in profile.serves)


def writable_collection_of(profile: Profile, thread_id: str) -> WritableCollection:
    """Return the kind of collection that a `thread_id` names, if messages can be added to it.

    Args:
        profile: the kind of upstream.
        thread_id: the id of a thread, a conversation or an agent session; empty for a new thread or
            conversation.

    Raises:
        ToolError: `invalid_arguments` if the id is that of a response.
    """
    return SESSION if _is_session(profile, thread_id) else collection_of(profile, thread_id)


def listed_collection_of(profile: Profile, thread_id: str) -> Collection:
    """Return the kind of collection that a `thread_id` names, even if it can only be read.

    Args:
        profile: the kind of upstream.
        thread_id: the id of a thread, a conversation or a session.

    Raises:
        ToolError: `invalid_arguments` if the id is that of a response.
    """
    for group, collection in ONLY.items():
        if profile.serves == {group}:
            return collection
    return writable_collection_of(profile, thread_id)


def any_collection_of(profile: Profile, collection_id: str) -> Collection:
    """Return the kind of collection that an id belongs to.

    Args:
        profile: the kind of upstream.
        collection_id: the id of a thread, a conversation, a stored completion or a response.
    """
    if _RESPONSE_ID.match(collection_id):
        return RESPONSE
    completions = CHAT_COMPLETIONS in profile.serves
    only_completions = completions and not {THREADS, CONVERSATIONS} & profile.serves
    if only_completions or (completions and collection_id.startswith(_COMPLETION_ID)):
        return COMPLETION
    return listed_collection_of(profile, collection_id)


def chat_collection_of(profile: Profile, completion_id: str) -> Collection:
    """Return the kind of collection that a tool's `completion_id` names.

    Args:
        profile: the kind of upstream.
        completion_id: the id of a stored completion, a response or an interaction.

    Raises:
        ToolError: `invalid_arguments` if the id is that of another object, such as a thread.
    """
    if profile.serves == {INTERACTIONS}:
        refuse_other_kinds("get", "completion_id", completion_id, ("interaction",))
        return INTERACTION
    for prefix, kind in (("thread_", "thread"), ("conv_", "conversation")):
        if completion_id.startswith(prefix):
            raise of_another_kind("completion_id", kind, _CHATS, "list-messages")
    if _RESPONSE_ID.match(completion_id):
        return RESPONSE
    refuse_other_kinds("get", "completion_id", completion_id, _CHATS)
    only_responses = CHAT_COMPLETIONS not in profile.serves and RESPONSES in profile.serves
    is_completion = completion_id.startswith(_COMPLETION_ID) or not only_responses
    return COMPLETION if is_completion else RESPONSE


def _is_session(profile: Profile, thread_id: str) -> bool:
    return AGENT_SESSIONS in profile.serves and thread_id.startswith(_SESSION_ID)


@cache
def _thread(*, has_metadata: bool, lists_files: bool) -> EditableCollection:
    list_files = THREAD.list_files if lists_files else None
    return replace(THREAD, has_metadata=has_metadata, list_files=list_files)
