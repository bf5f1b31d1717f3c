"""Reads records from content that a test has in memory."""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO

from backscroll.history.conversation import Record, SourceConversation, SourceItem, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.source_file import SourceFile
from backscroll.store.envelopes import JSON


def file_of(content: object) -> SourceFile:
    """Return a file with JSON, or with a text as it is."""
    text = content if isinstance(content, str) else json.dumps(content)
    return SourceFile("export", lambda: BytesIO(text.encode("utf-8", "surrogatepass")))


def sample_of(content: object) -> Sample:
    """Return the sample of a small JSON file."""
    if isinstance(content, list):
        return Sample("array", [each for each in content if isinstance(each, dict)][:3])
    return Sample("object", [content] if isinstance(content, dict) else [])


def read_all(form: Format, content: object) -> list[Record]:
    return list(form.read(file_of(content)))


def read_branches(form: Format, content: object) -> list[Record]:
    assert form.read_branches is not None
    return list(form.read_branches(file_of(content)))


def conversation_in(form: Format, content: object) -> SourceConversation:
    """Return the only conversation of a file."""
    (record,) = read_all(form, content)
    assert isinstance(record, SourceConversation), record
    return record


def unreadable_in(form: Format, content: object) -> Unreadable:
    """Return the only unreadable record of a file."""
    (record,) = read_all(form, content)
    assert isinstance(record, Unreadable), record
    return record


def tea(
    source: str,
    times: Mapping[str, int],
    *,
    created_at: int,
    updated_at: int,
    model: str = "",
    metadata: Mapping[str, str] | None = None,
) -> SourceConversation:
    """Return `Tea`, a conversation of the two messages `Oolong?` and `3 min.`.

    Args:
        source: the product that it is from.
        times: when each message was written, in Unix seconds, by its key.
        created_at: when it was created, in Unix seconds.
        updated_at: when it was last changed, in Unix seconds.
        model: the model that answered.
        metadata: the facts that only this product has.
    """
    messages = (("user", "Oolong?"), ("assistant", "3 min."))
    return SourceConversation(
        source=source,
        id="c1",
        items=tuple(
            SourceItem(
                key=key,
                item={"type": "message", "role": role, "content": text},
                created_at=written_at,
            )
            for (key, written_at), (role, text) in zip(times.items(), messages, strict=True)
        ),
        title="Tea",
        created_at=created_at,
        updated_at=updated_at,
        model=model,
        metadata=dict(metadata or {}),
    )


def reasoning(text: str, *summary: str) -> JSON:
    """Return an item of reasoning, with these texts as its summary."""
    return {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": each} for each in summary],
        "content": [{"type": "reasoning_text", "text": text}],
    }


def function_call(call_id: str, name: str, arguments: str) -> JSON:
    """Return a call of a function as an item."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def lines_of(items: Sequence[SourceItem]) -> list[str]:
    """Return each item as a short line, such as `user: Oolong?`."""
    return [_line(each) for each in items]


def _line(source: SourceItem) -> str:
    item = source.item
    match item["type"]:
        case "message":
            return f"{item['role']}: {_text(item['content'])}"
        case "function_call":
            return f"call {item['name']} {item['arguments']}"
        case "function_call_output":
            return f"output {_text(item['output'])}"
        case _:
            parts = [*item["summary"], *item.get("content", [])]
            return f"reasoning {_text(parts)}"


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    assert isinstance(content, list)
    return " | ".join(
        part.get("text") or f"<{part.get('filename') or part.get('file_id')}>" for part in content
    )
