"""ShareGPT files: a JSON array or JSON Lines of `{"conversations": [{"from", "value"}]}`.

Source: data sets for training in this format. The ids of their conversations, such as
`identity_0`, are unique only within one file. A conversation is therefore identified by its id
together with its first message.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from backscroll.history.conversation import Record
from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.items.content import content_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import identifier, mapping, parsed, sequence, string
from backscroll.history.reading.records import read_records
from backscroll.history.source_file import SourceFile

_NAME: Final = "sharegpt"
_FIELDS: Final = ("conversations", "conversation")
_CALLS: Final = frozenset({"function_call", "tool_call"})
_OUTPUTS: Final = frozenset({"tool", "observation", "function_response", "tool_response"})


def recognises(sample: Sample) -> bool:
    """Return whether a file has a conversation whose first turn has `from` and `value`."""
    if sample.kind not in {"array", "lines", "object"}:
        return False
    return any(
        "value" in mapping(turn) and isinstance(mapping(turn).get("from"), str)
        for record in sample.records
        for turn in _turns(record)[:1]
    )


def _turns(record: Mapping[str, Any]) -> list[Any]:
    for name in _FIELDS:
        if record.get(name):
            return list(sequence(record[name]))
    return []


def read(file: SourceFile) -> Iterator[Record]:
    """Yield the conversation of each line, or of each object of the array."""
    return read_records(file, _conversation)


def _conversation(record: Mapping[str, Any], position: str) -> Iterator[Record]:
    draft = Draft(_NAME)
    draft.model = string(record.get("model"))
    draft.message("system", string(record.get("system")))
    call_id = ""
    for value in _turns(record):
        call_id = _add_turn(draft, mapping(value), call_id)
    own_id = identifier(record.get("id"))
    conversation_id = f"{own_id}-{draft.items[0].key}" if own_id and draft.items else ""
    yield draft.finish(conversation_id, position=position, title=string(record.get("title")))


def _add_turn(draft: Draft, turn: Mapping[str, Any], last_call: str) -> str:
    """Add a turn, which is a message, a tool call or the output of the last call.

    Args:
        last_call: the id of the last call before this turn.

    Returns:
        The id of the last call, including a call that is this turn.
    """
    who = string(turn.get("from")) or string(turn.get("role"))
    text = content_text(turn.get("value")) or content_text(turn.get("content"))
    if who in _CALLS:
        call = mapping(parsed(text))
        last_call = f"call_{len(draft.items) + 1}"
        arguments = call.get("arguments", call.get("parameters")) if call else text
        draft.call(last_call, string(call.get("name")), arguments)
    elif who in _OUTPUTS:
        draft.output(last_call, text)
    else:
        draft.message(who, text)
    return last_call


FORMAT: Final = Format(
    name=_NAME,
    words="a ShareGPT file",
    recognises=recognises,
    read=read,
)
