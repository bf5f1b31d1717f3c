"""The kinds of message collections: threads, conversations and stored completions.

OpenAI replaced threads with conversations, and messages with items of type `message`
(docs/upstreams.md). Tools accept the ids of threads and of conversations. The format of an id
decides which `Collection` is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, cast

from backscroll_tools.client import requests
from backscroll_tools.client.file_requests import list_message_files
from backscroll_tools.client.groups import CHAT_COMPLETIONS, MESSAGE_FILES, THREADS
from backscroll_tools.client.message_item import message_item
from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.models import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A kind of collection: functions that build its requests, and what the upstream supports.

    If a function builds a request for an existing collection, its first argument is the
    collection's id.

    Attributes:
        list_messages: builds the request for a slice of the list of messages and other items.
        describe: builds the request for the object that contains the collection's metadata.
        retrieve_message: builds the request for one message; None if the API has no such request.
        list_files: builds the request for a slice of a message's files; None if the API has no such
            request.
        is_message: returns whether an object in the list is a message.
        has_runs: whether the list can be filtered by run.
        page_items: the minimum number of objects to request at once, 1 to 100. It is above 1 if
            the list may contain objects that are not messages.
        retrieve: builds the request for the collection itself, which contains messages that the
            list may lack; None if the list is complete.
        choices: returns the messages that the list may lack, oldest first. Its argument is the
            reply to the request from `retrieve`. The messages may have no ids.
    """

    list_messages: Callable[[str, Slice], Request]
    describe: Callable[[str], Request]
    retrieve_message: Callable[[str, str], Request] | None = None
    list_files: Callable[[str, str, Slice], Request] | None = None
    is_message: Callable[[JSON], bool] = lambda _: True
    has_runs: bool = False
    page_items: int = 1
    retrieve: Callable[[str], Request] | None = None
    choices: Callable[[JSON], Sequence[JSON]] = lambda _: ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WritableCollection(Collection):
    """A kind of collection that messages can be written to.

    Attributes:
        start: builds the request that creates an empty collection.
        create_message: builds the request that adds a message. It is called with the collection's
            id, the message and the idempotency key. If the id is empty, the request creates a
            collection.
        has_metadata: whether the upstream stores the metadata of messages.
    """

    start: Callable[[], Request]
    create_message: Callable[[str, JSON, str], Request]
    has_metadata: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EditableCollection(WritableCollection):
    """A kind of collection that can be created with messages, changed and deleted.

    Attributes:
        create: builds the request that creates a collection. It is called with up to `batch_items`
            messages, or 20 for a thread, the collection's metadata and the idempotency key.
        add: builds the request that adds messages in order. It is called with the collection's id,
            1 to `batch_items` messages and the idempotency key.
        batch_items: the maximum number of messages that one request can add.
        modify: builds the request that replaces the collection's metadata. It is called with the
            collection's id, the metadata and the idempotency key.
        delete: builds the request that deletes the collection.
        delete_message: builds the request that deletes a message. It is called with the ids of the
            collection and of the message.
        modify_message: builds the request that replaces a message's metadata. It is called with the
            ids of the collection and of the message, the metadata and the idempotency key. None if
            messages have no metadata.
    """

    create: Callable[[Sequence[JSON], JSON, str], Request]
    add: Callable[[str, Sequence[JSON], str], Request]
    modify: Callable[[str, JSON, str], Request]
    delete: Callable[[str], Request]
    delete_message: Callable[[str, str], Request]
    modify_message: Callable[[str, str, JSON, str], Request] | None = None
    batch_items: int = 1


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


def _choices(completion: JSON) -> list[JSON]:
    choices = completion.get("choices")
    found: list[JSON] = []
    for choice in cast("list[object]", choices) if isinstance(choices, list) else []:
        match choice:
            case {"message": dict() as message}:
                found.append(cast("JSON", message))
            case _:
                pass
    return found


THREAD: Final = EditableCollection(
    list_messages=requests.list_messages,
    describe=requests.retrieve_thread,
    retrieve_message=requests.retrieve_message,
    list_files=list_message_files,
    has_runs=True,
    start=requests.start_thread,
    create_message=_in_thread,
    create=requests.create_thread,
    add=_add_to_thread,
    modify=requests.modify_thread,
    delete=requests.delete_thread,
    delete_message=requests.delete_message,
    modify_message=requests.modify_message,
    has_metadata=True,
)
CONVERSATION: Final = EditableCollection(
    list_messages=requests.list_items,
    describe=requests.retrieve_conversation,
    retrieve_message=requests.retrieve_item,
    is_message=lambda item: bool(item.get("type", "message") == "message"),
    page_items=20,
    start=requests.start_conversation,
    create_message=_in_conversation,
    create=_conversation_of,
    add=_add_to_conversation,
    batch_items=20,
    modify=requests.modify_conversation,
    delete=requests.delete_conversation,
    delete_message=requests.delete_item,
)
COMPLETION: Final = Collection(
    list_messages=requests.list_chat_messages,
    describe=requests.retrieve_chat_completion,
    retrieve=requests.retrieve_chat_completion,
    choices=_choices,
)


def collection_of(profile: Profile, thread_id: str) -> EditableCollection:
    """Return the kind of collection that a tool's `thread_id` names.

    Args:
        profile: the kind of upstream.
        thread_id: the id of a thread or a conversation; empty for a new one.
    """
    other = not thread_id.startswith("thread_") and THREADS not in profile.serves
    if other or thread_id.startswith("conv_"):
        return CONVERSATION
    return _thread(has_metadata=profile.keeps_metadata, lists_files=MESSAGE_FILES in profile.serves)


def any_collection_of(profile: Profile, collection_id: str) -> Collection:
    """Return the kind of collection with this id: a thread, a conversation or a completion.

    Args:
        profile: the kind of upstream.
        collection_id: the id.
    """
    completions = CHAT_COMPLETIONS in profile.serves
    if completions and (collection_id.startswith("chatcmpl") or len(profile.serves) == 1):
        return COMPLETION
    return collection_of(profile, collection_id)


@cache
def _thread(*, has_metadata: bool, lists_files: bool) -> EditableCollection:
    list_files = THREAD.list_files if lists_files else None
    return replace(THREAD, has_metadata=has_metadata, list_files=list_files)
