"""docs/tools.md: every tool, every field of its result, and every error."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from backscroll_tools import schemas
from backscroll_tools.errors import RETRIES, ErrorCode
from backscroll_tools.models import JSON
from backscroll_tools.tool import Tool
from backscroll_tools.toolset import MESSAGES, TOOLSETS, Toolset
from manifests.description import arguments, tools
from manifests.tables import code, table

ERRORS: Final[dict[ErrorCode, str]] = {
    "invalid_arguments": "an argument breaks a rule, which the message names",
    "not_found": "the upstream has nothing with that id",
    "thread_busy": "a run is in progress on the thread, which takes no messages until it ends",
    "auth_failed": "the key is missing, or the upstream does not accept it",
    "forbidden": "the key is valid but does not allow this",
    "rate_limited": "too many requests; the message gives the time to wait, if it is known",
    "quota_exceeded": "the account's quota is used up",
    "upstream_unavailable": "the upstream could not be reached, or failed",
    "upstream_invalid": "the upstream's reply is not valid",
    "upstream_retired": "the upstream has switched this off; the message says where to go",
    "deadline_exceeded": "the call did not finish within `BACKSCROLL_DEADLINE_S`",
    "outcome_unknown": "the message may or may not have been written",
    "read_only": "this server or this token does not allow writes",
    "internal": "a bug in Backscroll; the log has the details, over HTTP with the request's id",
}

PAGE: Final[dict[str, str]] = {
    "returned": "how many items this page has",
    "has_more": "whether more items follow; false only if the end was reached",
    "next_cursor": "the `cursor` for the next page; null at the end",
    "stopped_by": "why the page ends: `end`, `limit`, `size`, `deadline` or `requests`",
    "order": "`asc` or `desc`",
    "previous_cursor": "with `around`: the `cursor` for the items before; absent if there are none",
    "passed": "how many items of other kinds were skipped, in a conversation",
    "derived": "true if the files were read from the message, because the upstream has no list",
    "warning": "unexpected behaviour of the upstream that affects this page",
}

HITS_PAGE: Final[dict[str, str]] = {
    "order": "`relevance`, `newest` or `oldest`; a search for common words alone is `newest`",
    "matched": "what hits have: `all words`, `any word`, the `literal`, or `common words` alone; "
    "`meaning` if some have none of the words, but a similar meaning",
    "mark": "what is before and after each match; no text on the page contains it otherwise",
    "semantic": "whether meanings were compared too, if the built-in store "
    "[can do that](upstreams.md#search-by-meaning)",
    "scanned": "how many messages were looked at, if the upstream has no search",
}

HIT: Final[dict[str, str]] = {
    "id": "of the message; the best one, if several hits are next to each other",
    "thread_id": "of its thread, conversation or stored completion",
    "title": "of the thread, if it has one",
    "role": "who wrote the message",
    "created_at": "Unix seconds, if known",
    "excerpt": "the part that shows best why the message was found, with `…` where it was cut",
    "chars": "the length of the whole message, if the excerpt is only a part of it",
    "before": "the messages before it, shortened: `role`, `text`, and `id` if one is a hit too",
    "after": "the messages after it, likewise",
}

ITEMS: Final[dict[str, tuple[str, JSON]]] = {
    "A message": ("Empty fields are left out.", schemas.MESSAGE),
    "A thread": ("", schemas.THREAD),
    "A stored completion": ("Its `text` is its answer.", schemas.COMPLETION),
    "A file": ("", schemas.FILE),
}

_HEAD: Final = """\
# Tools

The tools as hosts see them, and their results. Arguments are validated against their JSON Schema
without coercion: `"20"` is not an integer. Null means that an argument is left out. Ids are 1 to
256 letters, digits and `_ . = -`. `metadata` may also be an object: `{"key": "value"}`.

`BACKSCROLL_TOOLSETS` says which toolsets agents are offered:

"""
_RESULTS: Final = """\
## Results

A result has text, which is a transcript for a model, and structured content, which is the same as
JSON. `BACKSCROLL_OUTPUT` can omit either. A list has `page`, and its items under `messages`,
`files`, `threads`, `completions`, `responses`, `runs`, `steps`, `vector_stores` or `objects`; the
results of `search-vector-store` are under `results`.

The text of `list-messages` shows most message ids short, such as `~x7Kd2` for `msg_…x7Kd2`,
because a whole id costs about 17 tokens. `get-message` and `list-message-files` take a short id as
`message_id`, and `list-messages` takes one as `around`, `after` or `before`. They look for it among
the newest 1,000 messages of the thread, then among the oldest 1,000. All other tools take only
whole ids. Whole ids are shown for a message that is not shown whole, for one with files, and for
all messages if `preview_chars` is 1. `get-message` and structured content show only whole ids.

The text leaves out the parts of a time that are the same for the message above: a message at 10:07
after one at 10:05 shows `:07`, and no time if both were written in the same minute.

`around` puts a message in the middle of a page: half of `limit` before it and the rest after it,
at most 100 and 99, oldest first. A side has fewer if the thread begins or ends there, or if the
result is full. On such a page, `next_cursor`, `has_more` and `stopped_by` are about newer messages,
and `previous_cursor` leads to older ones. Each cursor keeps its direction: on the page that
`previous_cursor` returns, `next_cursor` leads to still older messages.

A list starts after the item whose id is `after`, and ends before the item whose id is `before`. A
list without `order` has the order that its description states.

### The page

"""
_CLIPPED: Final = """\
`clipped` means that the page shows only part of a text: `shown` of `total` characters, beginning at
`start`. The next cursor continues inside that text. If `preview_chars` shortened it, read the whole
text with `get-message`. Passing `preview_chars` with such a cursor skips the rest of the text. With
`last_chars`, `get-message` leaves out the text before the last characters, and all other fields.

`omitted` names what is missing from an item:

- `binary content`: images, audio and files in base64 are shown as their type and size, such as
  `[image/png, 70 bytes]`, except by `get-message`.
- names of fields, if a preview is too long for a page with them.
- `the content`, if the item alone is larger than `BACKSCROLL_REPLY_BYTES` allows.

"""
_HITS: Final = """\
### A page of hits

`search-messages` returns `hits`: messages that have any of the words or, if the query has a
`"literal"`, that contain it. Case, accents and endings of words make no difference. Messages that
tools wrote are not searched, unless the built-in store indexes them (`BACKSCROLL_INDEX=all`). The
words of a title (`title`, `name` or `topic` of a thread's metadata) are found as a part of the
thread's first message.

The `page` is that of a list, except for these fields:

"""
_SCANS: Final = """\
With `newest` and `oldest`, a search for several words lists the messages that have all of them. If
no message has all words, it lists those that have one of the rarer words.

If a page has many long excerpts, such as those of ten long messages, each is cut to about 90 bytes
around its matches.

The cursor freezes the order: no hit is repeated, and none is missed unless its message is deleted.

An upstream without search is read instead, message by message, as far as the time and the requests
of a call allow; the cursor continues from there. Without `thread_id`, its threads are read, newest
first, if it can list them; otherwise `thread_id` is required. By `relevance`, all messages that
one call can read are ranked together. By time, the first hits decide whether all pages list only
messages with all words. A hit at the start or end of the messages that were read may have less
context. By `relevance`, a long thread is
[read from both ends](reliability.md#whole-threads-from-both-ends).

A hit:

"""
_ERRORS: Final = """\
## Errors

A failed call is a result with `isError`. Its text is `code: sentence`, then `Next:` with what to
do, then `Retry:` with whether the call may be repeated, sometimes in more detail than here.

"""


def document() -> str:
    """Return docs/tools.md."""
    toolsets = ((code(each.name), each.about, _offered(each)) for each in TOOLSETS)
    parts = [_HEAD, table(("toolset", "its tools", "offered"), toolsets), "\n"]
    parts += [*(_tool(tool) for tool in tools()), _RESULTS]
    parts += [_described(PAGE), "\n"]
    for title, (note, schema) in ITEMS.items():
        parts += [f"### {title}\n\n", _fields(schema), f"\n{note}\n\n" if note else "\n"]
    parts += [_CLIPPED, _HITS, _described(HITS_PAGE), "\n", _SCANS, _described(HIT), "\n"]
    parts += [_ERRORS]
    rows = ((code(each), ERRORS[each], RETRIES[each]) for each in get_args(ErrorCode))
    return "".join((*parts, table(("code", "means", "retry"), rows)))


def _described(fields: Mapping[str, str]) -> str:
    return table(("field", "what"), ((code(name), what) for name, what in fields.items()))


def _offered(toolset: Toolset) -> str:
    return "by default" if toolset is MESSAGES else f"if it is named, or {code('all')}"


def _tool(tool: Tool) -> str:
    kind = "Changes or deletes" if tool.destroys else "Writes" if tool.writes else "Reads"
    needs = " or ".join(need.words for need in tool.needs)
    about = f"{kind}. Toolset `{tool.toolset.name}`; offered if the upstream has {needs}."
    required = set(_strings(tool.input_schema.get("required", ())))
    rows = (
        (code(name), _kind(schema), "required" if name in required else "", _rule(schema))
        for name, schema in arguments(tool).items()
    )
    columns = ("argument", "type", "", "rule")
    return f"## {tool.name}\n\n{tool.description}\n\n{about}\n\n{table(columns, rows)}\n"


def _fields(schema: JSON) -> str:
    """Return the fields of an item, with their types."""
    properties: dict[str, JSON] = schema["properties"]
    required = set(_strings(schema["required"]))
    rows = (
        (code(name), _kind(each), "always" if name in required else "")
        for name, each in properties.items()
    )
    return table(("field", "type", ""), rows)


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema["type"]
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"array of {_kind(schema['items'])}s"
    return str(kind)


def _rule(schema: Mapping[str, Any]) -> str:
    """Return a schema's allowed words and its description."""
    rules = [" or ".join(map(code, schema["enum"]))] if "enum" in schema else []
    return "; ".join([*rules, *filter(None, [schema.get("description")])])


def _strings(value: object) -> Iterable[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
