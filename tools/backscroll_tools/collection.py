"""The type of a kind of message collection, such as threads or conversations."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from backscroll_tools.client import items, objects
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.models import JSON, Message


class Collection(Struct, frozen=True, kw_only=True):
    """A kind of collection: functions that build its requests, and what the upstream supports.

    If a function builds a request for an existing collection, its first argument is the
    collection's id.

    Attributes:
        list_messages: builds the request for a slice of the list of messages and other items.
        describe: builds the request for the object that contains the collection's metadata.
        retrieve_message: builds the request for one message; None if the API has no such request.
        list_files: builds the request for a slice of a message's files; None if the API has no such
            request.
        noun: the word for the collection in errors.
        is_message: returns whether an object in the list is a message.
        has_items: whether calls of tools, and the outputs of tools, are separate objects in the
            list.
        as_item: converts an object in the list to an item of a conversation. It is used only if
            `has_items` is True.
        message: converts an object in the list to a message.
        has_runs: whether the list can be filtered by run.
        lists_all: whether the upstream always sends the whole list, oldest first.
        page_items: the minimum number of objects to request at once, 1 to 100. It is above 1 if
            the list may contain objects that are not messages.
        is_fixed: whether the list never changes. If so, a list of up to 100 objects is read whole,
            because some upstreams cannot read it in pages (docs/upstreams.md).
        retrieve: builds the request for the collection itself, which contains messages that the
            list may lack; None if the list is complete.
        input_of: returns the input that the reply to `retrieve` contains, oldest first. It is used
            if the upstream cannot list the input. The objects may have no ids.
        output_of: returns the output that the reply to `retrieve` contains, oldest first. The list
            may lack the output. The objects may have no ids.
        output_mark: a part of the ids that we assign to objects of the output. Such an id is the
            collection's id, then `output_mark`, then a number.
    """

    list_messages: Callable[[str, Slice], Request]
    describe: Callable[[str], Request]
    retrieve_message: Callable[[str, str], Request] | None = None
    list_files: Callable[[str, str, Slice], Request] | None = None
    noun: str = "conversation"
    is_message: Callable[[JSON], bool] = lambda _: True
    has_items: bool = False
    as_item: Callable[[JSON], JSON] = lambda raw: raw
    message: Callable[[JSON], Message] = objects.message
    has_runs: bool = False
    lists_all: bool = False
    page_items: int = 1
    retrieve: Callable[[str], Request] | None = None
    is_fixed: bool = False
    input_of: Callable[[JSON], Sequence[JSON]] = lambda _: ()
    output_of: Callable[[JSON], Sequence[JSON]] = lambda _: ()
    output_mark: str = "-choice-"

    def is_shown(self, raw: JSON, *, with_items: bool) -> bool:
        """Whether an object in the list is shown.

        Args:
            raw: the object.
            with_items: whether calls of tools and their outputs are shown too.
        """
        if self.is_message(raw):
            return True
        return with_items and self.has_items and items.is_shown(self.as_item(raw))


class WritableCollection(Collection, frozen=True, kw_only=True):
    """A kind of collection that messages can be written to.

    Attributes:
        start: builds the request that creates an empty collection.
        create_message: builds the request that adds a message. It is called with the collection's
            id, the message and the idempotency key. If the id is empty, the request creates a
            collection.
        has_metadata: whether the upstream stores the metadata of messages.
        returns_id: whether the reply to `create_message` has the message's id. If not, the message
            is looked for in the list.
    """

    start: Callable[[], Request]
    create_message: Callable[[str, JSON, str], Request]
    has_metadata: bool = False
    returns_id: bool = True


class EditableCollection(WritableCollection, frozen=True, kw_only=True):
    """A kind of collection that can be created with messages, changed and deleted.

    Attributes:
        create: builds the request that creates a collection. It is called with the first messages,
            the collection's metadata and the idempotency key. There are at most 20 messages.
        retrieve_message: builds the request for one message.
        add: builds the request that adds messages in order. It is called with the collection's id,
            1 to `batch_items` messages and the idempotency key.
        batch_items: the maximum number of messages that one request can add.
    """

    create: Callable[[Sequence[JSON], JSON, str], Request]
    add: Callable[[str, Sequence[JSON], str], Request]
    retrieve_message: Callable[[str, str], Request]
    batch_items: int = 1
