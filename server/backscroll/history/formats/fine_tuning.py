"""OpenAI's fine-tuning files: each line has a conversation, or a pair of two possible answers.

Sources: OpenAI's guides to supervised fine-tuning (`messages`, `tools`) and to direct preference
optimization (`input`, `preferred_output`, `non_preferred_output`).
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.items.content import content_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import identifier, mapping, sequence, string
from backscroll.history.reading.records import read_records
from backscroll.history.source_file import SourceFile

_NAME: Final = "fine-tuning"
_OWN: Final = ("tools", "functions", "parallel_tool_calls")
"""Fields of a line that Backscroll's own format does not have."""
_OWN_OF_MESSAGES: Final = ("tool_calls", "function_call", "tool_call_id", "name", "weight")
"""Fields of a message that Backscroll's own format does not have."""


def recognises(sample: Sample) -> bool:
    """Return whether a file has records that only fine-tuning files have.

    Records that have only `messages`, with roles and contents, are in Backscroll's own format.
    """
    if sample.kind not in {"lines", "object", "array"}:
        return False
    return any(_is_preference(record) or _is_marked(record) for record in sample.records)


def _is_preference(record: Mapping[str, Any]) -> bool:
    return "preferred_output" in record and bool(mapping(record.get("input")))


def _is_marked(record: Mapping[str, Any]) -> bool:
    if "choices" in record or "object" in record:  # a stored completion, or a thread
        return False
    messages = [mapping(message) for message in sequence(record.get("messages"))]
    if not any("role" in message for message in messages):
        return False
    if any(name in record for name in _OWN):
        return True
    return any(
        any(name in message for name in _OWN_OF_MESSAGES) or message.get("content", "") is None
        for message in messages
    )


def read(file: SourceFile, *, branches: bool = False) -> Iterator[Record]:
    """Yield the conversation of each record, with the preferred answer of a preference pair.

    Args:
        branches: whether to yield a second conversation for a preference pair, with the answer that
            was not preferred.

    Raises:
        OSError: the file cannot be read.
    """
    return read_records(file, partial(_records, branches=branches))


def _records(record: Mapping[str, Any], position: str, *, branches: bool) -> Iterator[Record]:
    if not _is_preference(record):
        yield _conversation(record, record.get("messages"), position)
        return
    given = mapping(record["input"])
    asked = sequence(given.get("messages"))
    answer = sequence(record.get("preferred_output"))
    preferred = _conversation(given, [*asked, *answer], position)
    yield preferred
    rejected = sequence(record.get("non_preferred_output"))
    if branches and rejected and not isinstance(preferred, Unreadable):
        yield _conversation(given, [*asked, *rejected], position, preferred.id, branch=1)


def _conversation(
    record: Mapping[str, Any],
    messages: object,
    position: str,
    parent: str = "",
    branch: int = 0,
) -> Record:
    draft = Draft(_NAME)
    draft.model = string(record.get("model"))
    call_id = ""
    for message in sequence(messages):
        call_id = add_message(draft, mapping(message), call_id)
    tools = sequence(record.get("tools")) or sequence(record.get("functions"))
    facts = {"tools": _names(tools)}
    return draft.finish("", position=position, parent=parent, branch=branch, metadata=facts)


def _names(tools: object) -> str:
    found = (mapping(tool) for tool in sequence(tools))
    names = (string(mapping(tool.get("function", tool)).get("name")) for tool in found)
    return ", ".join(filter(None, names))


def add_message(draft: Draft, message: Mapping[str, Any], last_call: str) -> str:
    """Add a message of the Chat Completions API, and the tools that it calls.

    Args:
        last_call: the id of the last call before this message. An output without an id belongs to
            that call.

    Returns:
        The id of the last call, including the calls of this message.
    """
    role = string(message.get("role"))
    text = content_text(message.get("content"))
    if role in {"tool", "function"}:
        draft.output(identifier(message.get("tool_call_id")) or last_call, text)
        return last_call
    draft.reasoning(string(message.get("reasoning_content")))
    draft.message(role, text or string(message.get("refusal")))
    calls = [mapping(call) for call in sequence(message.get("tool_calls"))]
    if message.get("function_call"):
        calls.append({"function": message["function_call"]})
    for call in calls:
        function = mapping(call.get("function"))
        last_call = identifier(call.get("id")) or f"call_{len(draft.items) + 1}"
        draft.call(last_call, string(function.get("name")), function.get("arguments"))
    return last_call


FORMAT: Final = Format(
    name=_NAME,
    words="a fine-tuning file",
    recognises=recognises,
    read=read,
    read_branches=partial(read, branches=True),
)
