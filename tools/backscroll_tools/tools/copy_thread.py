"""`copy-thread`: copies a thread to a new conversation, or a conversation to a new thread."""

import re
from typing import Final, Literal

import anyio

from backscroll_tools import schemas
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError, TooManyRequestsError
from backscroll_tools.client.groups import THREADS
from backscroll_tools.client.requests import ID
from backscroll_tools.collections import CONVERSATION, collection_of
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import ListPosition, decode, encode
from backscroll_tools.render import compact
from backscroll_tools.tool import ADDS, Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET
from backscroll_tools.writes.copying import Copy
from backscroll_tools.writes.sequence import MessageSequence

BATCHES: Final = 25
"""The maximum number of batches that one call copies. With 20 objects each, this is 500 objects."""

_SHOWN: Final = (20, 5, 0)
"""The maximum number of differing messages that a result names, and also of kinds of lost content.
If the result is too long with one number, the next smaller number is used."""

_Stopped = Literal["end", "limit", "requests", "deadline"]


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id: str = arguments["thread_id"]
    refuse_other_kinds("copy", "thread_id", thread_id, ("thread", "conversation"))
    copy = _copy(call.client, thread_id, arguments)
    stopped_by: _Stopped = "deadline"
    try:
        with anyio.CancelScope(deadline=call.ends_at):
            stopped_by = await _copied(call, copy)
    except ToolError as error:
        raise _failed(copy, error) from None
    if not copy.written.thread:
        raise _failed(copy, copy.written.too_late())
    return _result(call, copy, stopped_by)


def _failed(copy: Copy, error: ToolError) -> ToolError:
    if isinstance(error, ExchangeError) and error.reuses_key:
        return ToolError(
            "invalid_arguments",
            "This copy was begun with other messages and cannot be continued: the source has "
            "changed since, or it is another one.",
            next_step="Call copy-thread without idempotency_key and cursor to make another copy. "
            "The first one stays.",
            retry="safe without idempotency_key and cursor; this call wrote nothing.",
            shown_by=("list-threads",),
        )
    return copy.written.failed(error, COPY_THREAD.name, f'cursor "{_cursor(copy)}"')


async def _copied(call: Call, copy: Copy) -> _Stopped:
    """Copy one batch after another, and return why the copying stopped."""
    for number in range(BATCHES):
        left = call.bounds.requests - call.client.tally.requests
        if number and left < copy.batch_requests:
            return "requests"
        try:
            if not await copy.batch():
                return "end"
        except TooManyRequestsError:
            if not copy.written.thread:
                raise
            return "requests"
    return "limit"


def _copy(client: CallClient, thread_id: str, arguments: JSON) -> Copy:
    """Return the copy that the cursor continues, or a new copy if the call has no cursor."""
    source = collection_of(client.upstream.profile, thread_id)
    is_conversation = source.batch_items > 1
    collection = CONVERSATION
    if is_conversation:
        collection = collection_of(client.upstream.profile, "thread_")
    start, state = ListPosition(COPY_THREAD.name, thread_id, "asc"), dict[str, str]()
    if "cursor" in arguments:
        start = decode(arguments["cursor"], COPY_THREAD.name, thread_id)
        state = dict(start.filters)
    key: str = state.get("key") or arguments.get("idempotency_key", "")
    written = MessageSequence.of(client, collection, key)
    before, compared = state.get("before", "0"), state.get("compared", "")
    if re.fullmatch("[0-9]{1,9}", before) is None or (compared and not ID.fullmatch(compared)):
        raise invalid_arguments("cursor is damaged.", "Copy next_cursor exactly.")
    return Copy(client, source, thread_id, written, start.position, int(before), compared)


def _cursor(copy: Copy) -> str:
    state = {
        "key": copy.written.argument,
        "before": str(copy.before),
        "compared": copy.compared,
    }
    position = ListPosition(
        COPY_THREAD.name, copy.source_id, "asc", position=copy.after, filters=tuple(state.items())
    )
    return encode(position)


def _result(call: Call, copy: Copy, stopped_by: _Stopped) -> Result:
    """Return the result. It names fewer differences and losses if it would be too long."""
    cursor = _cursor(copy) if stopped_by != "end" else None
    results = [_shown(copy, stopped_by, cursor, most) for most in _SHOWN]
    for result in results:
        if len(result.text) + len(compact(result.structured)) <= call.bounds.result_chars:
            return result
    return results[-1]


def _shown(copy: Copy, stopped_by: _Stopped, cursor: str | None, most: int) -> Result:
    lost, differing = dict(copy.lost.most_common(most)), copy.differing[:most]
    structured: JSON = {
        "thread_id": copy.written.thread,
        "copied": copy.copied,
        "verified": copy.verified,
        "not_copied": lost,
        "has_more": cursor is not None,
        "next_cursor": cursor,
        "stopped_by": stopped_by,
    }
    parts = [
        f"Copied {copy.copied} messages of {copy.source_id} to {copy.written.thread}.",
        f"{copy.verified} of them were read again and are equal.",
    ]
    if copy.differing:
        structured["differing"] = differing
        parts.append(f"{len(copy.differing)} differ, such as {', '.join(differing)}.")
    if lost:
        counts = ", ".join(f"{words} ({count})" for words, count in lost.items())
        parts.append(f"Not copied, because it has no equivalent: {counts}.")
    parts.append(f"More follow: cursor={cursor}" if cursor else "No more follow.")
    return Result(" ".join(parts), structured)


COPY_THREAD: Final = Tool(
    name="copy-thread",
    title="Copy thread",
    summary="copies a thread to a new conversation or back, and compares each message",
    description=(
        "Copy a conversation: a thread to a new conversation, or a conversation (conv_…) to a new "
        "thread. Continue a long one with cursor until has_more is false."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "cursor": {"type": "string", "description": "next_cursor, to continue"},
            "idempotency_key": schemas.STRING,
        },
        ("thread_id",),
    ),
    output_schema=schemas.result(
        {
            "thread_id": schemas.STRING,
            "copied": schemas.INTEGER,
            "verified": schemas.INTEGER,
            "differing": {"type": "array", "items": schemas.STRING},
            "not_copied": {"type": "object"},
            "has_more": schemas.BOOLEAN,
            "next_cursor": {"type": ["string", "null"]},
            "stopped_by": schemas.STRING,
        },
        ("thread_id", "copied", "verified", "not_copied", "has_more", "next_cursor"),
    ),
    run=_run,
    toolset=THREADS_TOOLSET,
    hints=ADDS,
    needs=(THREADS,),
    keywords="migrate, move, convert",
)
