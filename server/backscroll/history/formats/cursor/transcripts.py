"""Transcripts of Cursor's agents: `~/.cursor/projects/<folder>/agent-transcripts/**.jsonl`.

Each line is `{"role", "message": {"content": [...]}}`. The lines have no ids and no times, and most
transcripts have no outputs of tools. Cursor's database has all of these for the agents that ran in
the editor, so the transcripts of these agents are not read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from backscroll.history.conversation import ReadElsewhere, Record, Unreadable
from backscroll.history.files.disk_files import disk_file
from backscroll.history.items.content import content_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import identifier, mapping, sequence, string
from backscroll.history.reading.json_streams import JsonRecord, json_lines
from backscroll.history.reading.sqlite_source import DatabaseError, open_database
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

_ROLES: Final = frozenset({"user", "assistant", "system"})
_TYPED: Final = "<user_query>"
_TYPED_END: Final = "</user_query>"
_DATABASES: Final = tuple(
    f"{folder}/Cursor/User/globalStorage/state.vscdb"
    for folder in (".config", "Library/Application Support", "AppData/Roaming")
)
"""The path of Cursor's database below the user's home, on Linux, macOS and Windows."""

_COPY: Final = "is also in Cursor's database, from where it is read"
_MAYBE_COPY: Final = "may also be in Cursor's database, which "


def is_turn(record: Mapping[str, Any]) -> bool:
    """Return whether a line is a message of a transcript."""
    known = string(record.get("role")) in _ROLES
    return known and isinstance(record.get("message"), dict) and "type" not in record


def typed_text(text: str) -> str:
    """Return what the user typed, without the context that Cursor writes around it."""
    typed: list[str] = []
    end = 0
    while (start := text.find(_TYPED, end)) >= 0:
        end = text.find(_TYPED_END, start)
        if end < 0:
            break
        typed.append(text[start + len(_TYPED) : end].strip())
    return "\n".join(filter(None, typed)) or text


def read_transcript(source: str, file: SourceFile) -> Iterator[Record]:
    """Yield the chat of a transcript, and then the lines that could not be read.

    Args:
        source: the name of the format.
    """
    path = file.path or PurePath(file.name)
    if file.path is not None:
        try:
            if _is_in_database(file.path):
                yield ReadElsewhere(path.stem, _COPY)
                return
        except DatabaseError as error:
            yield error.record(path.stem, _MAYBE_COPY)
            return
    draft = Draft(source)
    problems: list[Unreadable] = []
    last_call = ""
    with file.open() as stream:
        for record in json_lines(stream):
            if isinstance(record, JsonRecord):
                draft.replaced += record.replaced
                last_call = _add_line(draft, record.value, last_call)
            elif not record.torn:  # a torn line is no problem: Cursor is still writing it
                problems.append(record)
    parents = path.parts
    is_agent = len(parents) > 2 and parents[-2] == "subagents"  # noqa: PLR2004 - the path ends with `<parent>/subagents/<file>`
    yield draft.finish(
        path.stem,
        updated_at=file.modified_at,
        project=_project(path),
        parent=parents[-3] if is_agent else "",
        is_partial=bool(problems),
    )
    yield from problems


def _project(path: PurePath) -> str:
    """Return the name of the project's folder: the project's path, with `-` in place of `/`."""
    parts = path.parts
    if "agent-transcripts" in parts[1:]:
        return parts[parts.index("agent-transcripts", 1) - 1]
    return ""


def _is_in_database(path: Path) -> bool:
    """Return whether Cursor's database has messages of the chat of a transcript.

    Raises:
        DatabaseError: the database cannot be read.
    """
    if ".cursor" not in path.parts:
        return False
    home = Path(*path.parts[: path.parts.index(".cursor")])
    for name in _DATABASES:
        database = home / name
        if database.is_file():
            with open_database(disk_file(database)) as found:
                if "cursorDiskKV" in found.tables and found.rows(
                    "SELECT 1 FROM cursorDiskKV WHERE key >= ? AND key < ? LIMIT 1",
                    f"bubbleId:{path.stem}:",
                    f"bubbleId:{path.stem};",
                ):
                    return True
    return False


def _add_line(draft: Draft, line: Mapping[str, Any], last_call: str) -> str:
    """Add the items of a line.

    Args:
        last_call: the id of the last call before this line. An output without an id belongs to that
            call.

    Returns:
        The id of the last call, including the calls of this line.
    """
    role = string(line.get("role"))
    at = unix_seconds(line.get("timestamp"))
    content = mapping(line.get("message")).get("content")
    for value in [content] if isinstance(content, str) else sequence(content):
        block = mapping(value)
        match block.get("type"):
            case "tool_use":
                last_call = identifier(block.get("id")) or f"call_{len(draft.items) + 1}"
                draft.call(last_call, string(block.get("name")), block.get("input"), at=at)
            case "tool_result":
                call_id = identifier(block.get("tool_use_id")) or last_call
                draft.output(call_id, content_text(block.get("content")), at=at)
            case "thinking":
                draft.reasoning(string(block.get("thinking")), at=at)
            case _:
                text = content_text(value)
                draft.message(role, typed_text(text) if role == "user" else text, at=at)
    return last_call
