"""Logs of the command-line program `llm`, whose database can have two generations of tables.

Source: "Logging to SQLite" in the documentation of `llm` 0.32. Versions before 0.32 wrote the
tables `conversations` and `responses`. The module `threads` reads the tables of later versions.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from backscroll.history.conversation import Record
from backscroll.history.files.sample import Sample
from backscroll.history.formats.llm.threads import Threads
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import as_text, string
from backscroll.history.reading.sqlite_source import Database, Row, read_database
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "llm"
_NEW: Final = frozenset({"threads", "messages", "parts"})
_OLD: Final = frozenset({"conversations", "responses"})
_RESPONSE: Final = (
    *("id", "model", "prompt", "system", "response", "datetime_utc", "resolved_model"),
    "reasoning",
)


def recognises(sample: Sample) -> bool:
    """Return whether a database has tables of either generation."""
    is_new = sample.tables >= _NEW and "turns" in sample.tables
    return sample.kind == "sqlite" and (is_new or sample.tables >= _OLD)


def read(file: SourceFile) -> Iterator[Record]:
    """Yield each conversation, beginning with those of the older tables."""
    log = _Log()
    return read_database(file, log.conversations, log.records)


class _Log:
    """Reads both generations of tables in one database.

    The tables have no indexes by conversation, so the ids of all rows are read once.
    """

    def __init__(self) -> None:
        self._responses: dict[object, list[object]] = {}
        self._results: dict[object, list[object]] = {}
        self._calls: dict[object, list[object]] = {}
        self._threads: Threads | None = None
        self._system = ""

    def conversations(self, database: Database) -> list[Row]:
        """Return the id, title, parent and time of each conversation.

        A conversation that went on after an update of `llm` is in both generations of tables, with
        the same id. A response without a conversation, which early versions could write, becomes a
        conversation of its own.
        """
        self._results = database.grouped("tool_results", "response_id", "id")
        self._calls = database.grouped("tool_calls", "response_id", "id")
        self._threads = Threads(database)
        found: dict[object, Row] = {}
        for key, title in database.select("conversations", ("id", "name"), "ORDER BY rowid"):
            found[key] = (key, title, None, None)
        for owner, response in database.select(
            "responses", ("conversation_id", "id"), "ORDER BY rowid"
        ):
            key = response if owner is None else owner
            self._responses.setdefault(key, []).append(response)
            found.setdefault(key, (key, None, None, None))
        for thread in database.select(
            "threads", ("id", "name", "forked_from", "datetime_utc"), "ORDER BY rowid"
        ):
            found[thread[0]] = thread
        return list(found.values())

    def records(self, database: Database, conversation: Row) -> Iterable[Record]:
        """Yield one conversation."""
        conversation_id, title, parent, created_at = conversation
        draft = Draft(NAME)
        known: list[str] = []
        self._system = ""
        for key in self._responses.get(conversation_id, ()):
            rows = database.select("responses", _RESPONSE, "WHERE id = ?", key)
            known += [self._add_response(draft, database, row) for row in rows]
        if self._threads is not None:
            self._threads.add(draft, conversation_id, known)
        yield draft.finish(
            as_text(conversation_id),
            title=string(title),
            created_at=unix_seconds(created_at),
            parent=string(parent),
        )

    def _add_response(self, draft: Draft, database: Database, response: Row) -> str:
        """Add a response and its prompt. Return the response's text."""
        row = dict(zip(_RESPONSE, response, strict=True))
        key = as_text(row["id"])
        at = unix_seconds(row["datetime_utc"])
        draft.model = string(row["resolved_model"]) or string(row["model"]) or draft.model
        system = _with_fragments(database, "system_fragments", row["id"], string(row["system"]))
        if system != self._system:  # each response repeats the conversation's system prompt
            draft.message("system", system, f"{key}/system", at)
            self._system = system
        prompt = _with_fragments(database, "prompt_fragments", row["id"], string(row["prompt"]))
        draft.message("user", prompt, f"{key}/prompt", at)
        for number, result in enumerate(self._results.get(row["id"], ())):
            for call_id, output in database.select(
                "tool_results", ("tool_call_id", "output"), "WHERE id = ?", result
            ):
                draft.output(as_text(call_id), output, f"{key}/result{number}", at)
        draft.reasoning(string(row["reasoning"]), f"{key}/reasoning", at)
        text = string(row["response"])
        draft.message("assistant", text, f"{key}/response", at)
        for number, call in enumerate(self._calls.get(row["id"], ())):
            for call_id, name, arguments in database.select(
                "tool_calls", ("tool_call_id", "name", "arguments"), "WHERE id = ?", call
            ):
                draft.call(as_text(call_id), string(name), arguments, f"{key}/call{number}", at)
        return text


def _with_fragments(database: Database, table: str, response_id: object, text: str) -> str:
    """Return a prompt with the fragments that were sent before it."""
    if not {table, "fragments"} <= database.tables:
        return text
    found = database.rows(
        f'SELECT f.content FROM "{table}" p JOIN fragments f ON f.id = p.fragment_id'  # noqa: S608 - the table's name is a constant
        ' WHERE p.response_id = ? ORDER BY p."order"',
        response_id,
    )
    return "\n".join(filter(None, (*(string(content) for (content,) in found), text)))
