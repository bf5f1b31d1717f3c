"""Reads one object, and builds the result of the tool that returns it."""

from collections.abc import Mapping

import anyio

from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.render import compact, lines, marked, unused_prefix
from backscroll_tools.tool import Call, Result


async def read_object(call: Call, request: Request) -> JSON:
    """Read one object within the call's time limit.

    Raises:
        ToolError: the upstream's failure; `deadline_exceeded` if it did not answer in time.
    """
    with anyio.CancelScope(deadline=call.ends_at):
        return await call.client.send(request)
    raise ToolError(
        "deadline_exceeded",
        "The upstream did not answer within the call's time limit.",
        next_step="Call again.",
    )


def single_object(call: Call, noun: str, item: Mapping[str, object]) -> Result:
    """Return one object as text and as JSON, without its longest fields if it is too long.

    `omitted` then names these fields and their lengths. The id is always returned.

    Args:
        call: the call, whose limits apply.
        noun: the word for the object, which is also the name of its field in the JSON.
        item: the object.
    """
    fields = dict(item)
    omitted: list[str] = []
    while True:
        shown = {**fields, "omitted": ", ".join(omitted)} if omitted else dict(fields)
        written = lines(shown, noun)
        result = Result(marked(unused_prefix(written), written), {noun: shown})
        if len(result.text) + len(compact(result.structured)) <= call.bounds.result_chars:
            return result
        lengths = {name: len(compact(value)) for name, value in fields.items() if name != "id"}
        if not lengths:
            return result
        longest = max(lengths, key=lambda name: lengths[name])
        del fields[longest]
        omitted.append(f"{longest} ({lengths[longest]:,} characters)")
