"""Builds requests to an OpenAI-compatible API. Nothing here sends them.

The parameters are from OpenAI's published API documents of 2026-08-21.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.dialects import BY_ITEM, BY_LAST_ID, BY_NUMBER, Dialect
from backscroll_tools.client.groups import CONVERSATIONS, THREADS, Group
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON, Order

ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}")
"""The format of an id. Only values of this format and of `NAME` are put into URLs."""

NAME: Final = re.compile(r"[A-Za-z0-9_@][\x21-\x7e]{0,255}")
"""The format of a name that is used as an id, such as a model's: `ft:gpt-4o:team::7f`."""


class Request(Struct, frozen=True):
    """One HTTP request, relative to an upstream's base URL.

    Attributes:
        method: the HTTP method.
        group: the group of endpoints that the request belongs to.
        path: the path after the base URL and the group's prefix.
        query: the query parameters.
        body: the JSON body; None for no body. `repr` omits it.
        idempotency_key: the idempotency key of a write; empty for no key.
        harmless_twice: whether the request is a write that can safely be repeated, and whose
            outcome nobody needs to know: an empty thread, for example.
        idempotent: whether the request is a write that has no further effect if it is repeated,
            such as a change of metadata. Unlike with `harmless_twice`, an unclear outcome is
            recorded in `CallClient.in_doubt`. A DELETE is always idempotent.
        is_keyed: whether the request is a write that this endpoint performs once for each
            idempotency key, whatever the upstream does elsewhere. Its reply has no body.
        preview: None to leave the reply unchanged; a number to replace its binary content
            (`abridging`). If the number is above 0, the upstream may also cut each text to this
            number of characters.
        also_lists: kinds of objects in the list, in addition to the group's kinds.
        dialect: how the list that is requested is divided into pages.
        window: the part of the list that is requested; needed only if the list's keys are in the
            format of `dialects.Place`.
        root: the path of the outermost list, if it is not the group's.
        is_content: whether the reply is the content of a file, and not JSON.
    """

    method: Literal["GET", "POST", "DELETE"]
    group: Group
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: JSON | None = None
    idempotency_key: str = ""
    harmless_twice: bool = False
    idempotent: bool = False
    is_keyed: bool = False
    preview: int | None = None
    also_lists: frozenset[str] = frozenset()
    dialect: Dialect = BY_ITEM
    window: "Slice | None" = None
    root: str = ""
    is_content: bool = False

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name != "body"]

    def __repr__(self) -> str:
        return f"Request({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    @property
    def outermost(self) -> str:
        """The path of the outermost list that the request's path contains."""
        return self.root or self.group.root

    @property
    def harmless(self) -> bool:
        """Whether the request can safely be repeated: it is a read, or `harmless_twice` is True."""
        return self.method == "GET" or self.harmless_twice

    @property
    def repeatable(self) -> bool:
        """Whether the request has no further effect if it is sent again to any upstream."""
        return self.harmless or self.idempotent or self.is_keyed or self.method == "DELETE"

    @property
    def limit(self) -> int:
        """The maximum number of items that a list request asks for; 0 for other requests."""
        return int(dict(self.query).get(self.dialect.limit, 0))

    @property
    def owner(self) -> str:
        """The path of the thread, conversation or completion that the request is about.

        If the request is not about a single object, this is the path of the list.
        """
        parts = self.path.split("/")
        return "/".join(parts[: len(self.outermost.split("/")) + 1])

    @property
    def endpoint(self) -> str:
        """The method and the path, with `{id}` in place of ids: `GET /threads/{id}/messages`."""
        root = self.outermost
        rest = self.path.removeprefix(root).split("/")[1:]
        return f"{self.method} {root}" + "".join(
            f"/{name if number % 2 else '{id}'}" for number, name in enumerate(rest)
        )

    def with_limit(self, limit: int) -> "Request":
        """Return the same list request with another `limit`."""
        if limit == self.limit:
            return self
        if self.dialect.next_is == "number" and self.window is not None:
            # The number of the page depends on the limit, so compute it again.
            window = replace(self.window, limit=limit)
            return replace(self, window=window, query=window.query_in(self.dialect))
        key = self.dialect.limit
        query = ((name, str(limit) if name == key else value) for name, value in self.query)
        return replace(self, query=tuple(query))

    def abridged(self, preview: int = 0) -> "Request":
        """Return the same request with another value of `preview`."""
        return replace(self, preview=preview)

    @property
    def order(self) -> Order:
        """The order that a list request asks for, or the fixed order of the list."""
        if self.window is not None:
            return self.window.order
        return "asc" if ("order", "asc") in self.query else "desc"

    def headers(self, caller: str = "") -> tuple[tuple[str, str], ...]:
        """Return the headers that this request has on any upstream.

        Args:
            caller: identifies the caller if several callers share an upstream; otherwise empty. If
                it is not empty, `Idempotency-Key` is a hash of `caller` and `idempotency_key`.
        """
        key = self.idempotency_key
        if key and caller:
            key = hashlib.sha256(f"{caller}\0{key}".encode()).hexdigest()
        return (*self.group.headers, *((("Idempotency-Key", key),) if key else ()))


class Slice(Struct, frozen=True):
    """The part of a list to request.

    Attributes:
        limit: the maximum number of items; 1 to 100.
        order: the order of the items.
        after: the key of the item after which to start; empty for the start of the list. In most
            lists, keys are ids.
        filters: query parameters that filter the list.
    """

    limit: int
    order: Order
    after: str = ""
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The slice as query parameters."""
        return self.query_in(BY_ITEM)

    def query_in(self, dialect: Dialect) -> tuple[tuple[str, str], ...]:
        """Return the slice as query parameters of a list whose pages work as `dialect` says."""
        return dialect.query(self.limit, self.order, self.after, self.filters)


def segment(value: str, argument: str = "id", form: re.Pattern[str] = ID) -> str:
    """Return an id as one path segment.

    Args:
        value: the id.
        argument: the name of the argument that contains it, for the error.
        form: the format of the id: `ID` or `NAME`.

    Raises:
        ToolError: `invalid_arguments` if the value is not an id.
    """
    if form.fullmatch(value) is None:
        raise invalid_arguments(
            f"{argument} is not an id: ids are 1 to 256 letters, digits, '_', '.', '=' or '-', "
            "and start with a letter, a digit or '_'.",
            "Copy the id exactly as a list tool returned it.",
        )
    return quote(value, safe="")


def probe(group: Group) -> Request:
    """Read one item of a list, to find out whether an upstream serves a group of endpoints."""
    dialect = BY_NUMBER if group.probe_is_array else BY_ITEM
    return Request("GET", group.part_of or group, group.probe, group.probe_query, dialect=dialect)


def listing(group: Group, path: str, window: Slice, dialect: Dialect) -> Request:
    """List objects.

    Args:
        group: the group of endpoints that the list belongs to.
        path: the list's path.
        window: the slice to list.
        dialect: how the list is divided into pages.
    """
    query = window.query_in(dialect)
    return Request("GET", group, path, query, dialect=dialect, window=window)


def list_conversations(window: Slice) -> Request:
    """List conversations. Azure AI Foundry and the embedded store support this."""
    return Request("GET", CONVERSATIONS, CONVERSATIONS.root, window.query)


def list_threads(window: Slice) -> Request:
    """List threads. The embedded store and Foundry support this."""
    return Request("GET", THREADS, THREADS.root, window.query)


def retrieve_thread(thread_id: str) -> Request:
    """Read one thread."""
    return Request("GET", THREADS, f"{THREADS.root}/{segment(thread_id, 'thread_id')}")


def create_thread(messages: Sequence[JSON], metadata: JSON, idempotency_key: str) -> Request:
    """Create a thread that starts with these messages. Its metadata may be empty."""
    body: JSON = {"messages": list(messages)} | ({"metadata": metadata} if metadata else {})
    return Request("POST", THREADS, THREADS.root, (), body, idempotency_key)


def start_thread() -> Request:
    """Create a thread that has no message yet."""
    return Request("POST", THREADS, THREADS.root, body={}, harmless_twice=True)


def list_messages(thread_id: str, window: Slice) -> Request:
    """List a thread's messages."""
    return Request("GET", THREADS, _messages(thread_id), window.query)


def retrieve_message(thread_id: str, message_id: str) -> Request:
    """Read one message of a thread."""
    path = f"{_messages(thread_id)}/{segment(message_id, 'message_id')}"
    return Request("GET", THREADS, path)


def create_message(thread_id: str, message: JSON, idempotency_key: str) -> Request:
    """Add a message to a thread."""
    return Request("POST", THREADS, _messages(thread_id), (), message, idempotency_key)


def create_conversation(items: Sequence[JSON], metadata: JSON, idempotency_key: str) -> Request:
    """Create a conversation that starts with up to 20 items. Its metadata may be empty."""
    body: JSON = {"items": list(items)} | ({"metadata": metadata} if metadata else {})
    return Request("POST", CONVERSATIONS, CONVERSATIONS.root, (), body, idempotency_key)


def retrieve_conversation(conversation_id: str) -> Request:
    """Read one conversation, without its items."""
    return Request("GET", CONVERSATIONS, _conversation(conversation_id))


def start_conversation() -> Request:
    """Create a conversation that has no item yet."""
    return Request("POST", CONVERSATIONS, CONVERSATIONS.root, body={}, harmless_twice=True)


def list_items(conversation_id: str, window: Slice) -> Request:
    """List a conversation's items: messages, and the other items between them."""
    return listing(CONVERSATIONS, _items(conversation_id), window, BY_LAST_ID)


def retrieve_item(conversation_id: str, item_id: str) -> Request:
    """Read one item of a conversation."""
    path = f"{_items(conversation_id)}/{segment(item_id, 'message_id')}"
    return Request("GET", CONVERSATIONS, path)


def create_items(conversation_id: str, items: Sequence[JSON], idempotency_key: str) -> Request:
    """Add 1 to 20 items to a conversation."""
    body: JSON = {"items": list(items)}
    return Request("POST", CONVERSATIONS, _items(conversation_id), (), body, idempotency_key)


def _messages(thread_id: str) -> str:
    return f"{THREADS.root}/{segment(thread_id, 'thread_id')}/messages"


def _conversation(conversation_id: str) -> str:
    return f"{CONVERSATIONS.root}/{segment(conversation_id, 'thread_id')}"


def _items(conversation_id: str) -> str:
    return f"{_conversation(conversation_id)}/items"
