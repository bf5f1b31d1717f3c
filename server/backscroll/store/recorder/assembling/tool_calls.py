"""Adds the parts of tool calls to a message that is streamed."""

from itertools import islice
from typing import Any, Final

from backscroll.store.recorder.assembling.growing import RECENT, merge
from backscroll.store.recorder.assembling.lenient_json import JSON

_INDEX: Final = "index"


def add_tool_calls(message: JSON, parts: object) -> None:
    """Add parts of tool calls to a message, in the order in which the calls began.

    A part belongs to the call with its `index`, if that is the same call. Servers that send no
    `index` send the call's id, or nothing, and then it belongs to the newest call. Some servers
    send the same `index` for several calls: a part with another id and a name begins a new call.
    A server may also send a new id with each part of a call, of which the first one is kept.
    """
    if not isinstance(parts, list):
        return
    known = message.get("tool_calls")
    calls: list[Any] = known if isinstance(known, list) else []
    message["tool_calls"] = calls
    for part in parts:
        if isinstance(part, dict):
            call = _call_of(calls, part)
            if call is None:
                call = {}
                calls.append(call)
            merge(call, part)


def without_indexes(message: JSON) -> JSON:
    """Return a message whose tool calls have no `index`, which only streams have."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_without_index(call) for call in calls]}


def _without_index(call: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(call, dict):
        return call
    return {key: value for key, value in call.items() if key != _INDEX}


def _call_of(calls: list[Any], part: JSON) -> JSON | None:
    """Return the call that a part belongs to; None if it begins a new one."""
    index, call_id = part.get(_INDEX), part.get("id")
    for call in islice(reversed(calls), RECENT):
        if not isinstance(call, dict):
            continue
        if index is not None:
            is_same = call.get(_INDEX) == index
        else:
            is_same = not call_id or call.get("id") == call_id
        if is_same:
            is_other = call_id and call.get("id") and call["id"] != call_id
            return None if is_other and _name_of(part) else call
    return None


def _name_of(part: JSON) -> Any:  # noqa: ANN401 - any JSON value
    function = part.get("function") or part.get("custom")
    return function.get("name") if isinstance(function, dict) else None
