"""The types of the JSON that tools return. Only `next_cursor` may be null.

All other fields that are optional are left out if they are empty.

The field names and the tools' output schemas are a public contract (docs/tools.md).
"""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

JSON: TypeAlias = dict[str, Any]
"""A JSON object whose values have not been validated."""

Order: TypeAlias = Literal["asc", "desc"]
"""`asc` is oldest first, `desc` newest first."""

StoppedBy: TypeAlias = Literal["end", "limit", "size", "deadline", "requests"]
"""The reason why a page ends.

`end`: no more items follow. `limit`: the page has as many items as requested. `size`: the result
has reached its maximum length in characters. `deadline`: the call's time ran out. `requests`: the
call has used up its upstream requests, a request has failed, or a request has returned no new
items.
"""


class Page(TypedDict):
    """The number of items on a page, and how to read the next page.

    Only a page around an item has `previous_cursor`, the cursor for the items before the page. It
    is missing if the page starts with the first item of the list. `has_more`, `next_cursor` and
    `stopped_by` describe the items after the page. `order` is `upstream` if the upstream decides on
    the order of a list and does not say which it is. `passed` is the number of skipped items of a
    conversation that are not messages, such as tool calls and reasoning. `derived` is true if the
    items are files whose ids were read from the message, because the upstream cannot list files.
    """

    returned: int
    has_more: bool
    next_cursor: str | None
    stopped_by: StoppedBy
    order: Order | Literal["upstream"]
    previous_cursor: NotRequired[str]
    passed: NotRequired[int]
    derived: NotRequired[bool]
    warning: NotRequired[str]


class Clipped(TypedDict):
    """How much of a long message is shown, in characters.

    `shown` is the number of characters shown, `total` the length of the whole message, and `start`
    the position of the first character shown, if that is not 0.
    """

    shown: int
    total: int
    start: NotRequired[int]


class Message(TypedDict):
    """One message of a thread, a conversation, a stored chat completion or a response.

    A call of a tool and the output of a tool can be messages too. Their `type` is the type of the
    upstream's item, and `name` is the tool's name. A call and its output have the same `call_id`.
    The `text` of a call is its arguments. The `text` of an output is what the tool returned.

    `omitted` describes what is missing from the message: binary content, of which only the type and
    size are shown; fields that are too long for a preview; or all content, if the upstream's reply
    was too large.
    """

    id: str
    role: str
    type: NotRequired[str]
    name: NotRequired[str]
    call_id: NotRequired[str]
    created_at: NotRequired[int]
    text: str
    content: NotRequired[list[JSON]]
    files: NotRequired[list[str]]
    attachments: NotRequired[list[JSON]]
    annotations: NotRequired[list[JSON]]
    tool_calls: NotRequired[list[JSON]]
    run_id: NotRequired[str]
    assistant_id: NotRequired[str]
    status: NotRequired[str]
    metadata: NotRequired[JSON]
    other: NotRequired[JSON]
    clipped: NotRequired[Clipped]
    omitted: NotRequired[str]
    fields_json: NotRequired[str]


class MessageFile(TypedDict):
    """One file that a message refers to."""

    id: str
    created_at: NotRequired[int]
    message_id: str


class Thread(TypedDict):
    """One thread or conversation of a list, with its title or its first words."""

    id: str
    title: NotRequired[str]
    created_at: NotRequired[int]
    message_count: NotRequired[int]
    last_message_at: NotRequired[int]
    text: NotRequired[str]
    metadata: NotRequired[JSON]


class ContextMessage(TypedDict):
    """A message before or after a hit, shortened. It has an id if it is a hit itself."""

    id: NotRequired[str]
    role: str
    text: str


class Hit(TypedDict):
    """A message that a search found, or several such messages that are adjacent in a thread.

    `excerpt` is the part of the message that shows best why it was found. `chars` is the length of
    the whole message, if the excerpt is only a part of it.
    """

    id: str
    thread_id: str
    title: NotRequired[str]
    role: str
    created_at: NotRequired[int]
    excerpt: str
    chars: NotRequired[int]
    before: NotRequired[list[ContextMessage]]
    after: NotRequired[list[ContextMessage]]


class HitsPage(TypedDict):
    """The number of hits on a page, how they were found, and how to continue.

    Attributes:
        matched: what each hit contains: `all words` of the query, `any word` of it, or the text in
            double quotes (`literal`). `common words`: the query has only words such as `the`.
            `meaning`: some hits contain no word of the query, but have a similar meaning.
        order: `relevance`, `newest` or `oldest`.
        mark: the characters before and after each match in an excerpt. No text on the page
            contains them otherwise.
        semantic: true if the upstream compared meanings as well as words; false if it compared
            only words, because the embeddings endpoint did not answer in time; missing if meanings
            are never compared in such a search, for example in a search by time
            (docs/upstreams.md).
        scanned: the number of messages that were compared with the query for this page, if the
            upstream has no search.
    """

    returned: int
    has_more: bool
    next_cursor: str | None
    stopped_by: StoppedBy
    order: str
    matched: str
    mark: NotRequired[str]
    semantic: NotRequired[bool]
    scanned: NotRequired[int]
    warning: NotRequired[str]


class ApiObject(TypedDict):
    """One object of any kind: shortened in a list, or whole.

    A shortened object has `fields`: the object's fields that are not shown as `id`, `created_at`,
    `title` or `status`. `omitted` names the fields that are left out because they are too long. A
    whole object has `text`: all fields as JSON.
    """

    id: str
    created_at: NotRequired[int]
    title: NotRequired[str]
    status: NotRequired[str]
    fields: NotRequired[JSON]
    text: NotRequired[str]
    clipped: NotRequired[Clipped]
    omitted: NotRequired[str]


class Completion(TypedDict):
    """One stored chat completion. `text` is the start of its reply.

    `other` has the fields that this type does not name, such as `usage`. It is missing in a list.
    """

    id: str
    created_at: NotRequired[int]
    model: NotRequired[str]
    text: NotRequired[str]
    metadata: NotRequired[JSON]
    clipped: NotRequired[Clipped]
    omitted: NotRequired[str]
    other: NotRequired[JSON]


class StoredResponse(TypedDict):
    """One response. `text` is the start of its output.

    `other` has the fields that this type does not name, such as `usage`. It is missing in a list.
    """

    id: str
    created_at: NotRequired[int]
    model: NotRequired[str]
    status: NotRequired[str]
    previous_response_id: NotRequired[str]
    conversation_id: NotRequired[str]
    text: NotRequired[str]
    metadata: NotRequired[JSON]
    clipped: NotRequired[Clipped]
    omitted: NotRequired[str]
    other: NotRequired[JSON]
