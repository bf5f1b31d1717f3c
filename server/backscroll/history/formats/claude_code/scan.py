"""Reads a Claude Code log for the first time: the kinds of its lines, and facts of its sessions."""

import re
from typing import Any, BinaryIO, Final

from msgspec import Struct, field

from backscroll.history.conversation import Unreadable
from backscroll.history.formats.claude_code.index import NONE, Index, Kind, Link
from backscroll.history.formats.claude_code.session import Prompt, Session
from backscroll.history.formats.claude_code.turns import (
    Turn,
    prompt_of,
    title_in,
    turn_of,
)
from backscroll.history.reading.fields import mapping, text_in
from backscroll.history.reading.log_lines import (
    LogLine,
    LogReader,
    note_unreadable,
    parsed,
    why_unreadable,
)
from backscroll.history.reading.texts import kept_text
from backscroll.history.reading.times import unix_ms
from backscroll.store.envelopes import JSON

_SKIPPED: Final = re.compile(
    rb'\s*\{"type":"(?:file-history-snapshot|queue-operation|mode|permission-mode|pr-link)"'
)
"""Matches the start of lines that are not needed: they are not in the tree that `tree` reads."""

_LINKS: Final = frozenset({"system", "attachment", "progress"})
_MOST_PROMPT_CHARS: Final = 8 * 1024 * 1024


class Scan(Struct):
    """What the first reading found.

    Attributes:
        in_memory: the maximum total length of the lines in `turns`, in bytes.
        turns: the content of the lines with messages, by position; None if these lines are longer
            than `in_memory` in total.
        index: the kinds and links of all lines.
        main: the facts of the main conversation.
        agents: the facts of each sub-agent whose lines are in this log, by the sub-agent's number.
        prompts: prompts whose lines have no id, so that they are not in the tree of lines.
        last_leaf: the id of the line that the program showed last. It is in the log's last
            `last-prompt` line. Empty if the log has no `last-prompt` line, or if a message of the
            main conversation follows it.
        unreadable: lines that cannot be read.
    """

    in_memory: int
    turns: dict[int, Turn] | None = field(default_factory=dict)
    index: Index = field(default_factory=Index)
    main: Session = field(default_factory=Session)
    agents: list[Session] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    last_leaf: str = ""
    unreadable: list[Unreadable] = field(default_factory=list)
    _kept_bytes: int = 0
    _prompt_chars: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)
    _titles: dict[str, str] = field(default_factory=dict)

    def read(self, reader: LogReader) -> None:
        """Take all lines that a reader still has.

        Raises:
            OSError: the log cannot be read.
        """
        for line in reader.lines(_is_skipped):
            value, replaced = parsed(line.raw)
            if value is not None:
                self.index.skip_to(line.number - 1)
                self.take(line, value, replaced)
            else:
                note_unreadable(self.unreadable, line, why_unreadable(line))
        self.index.finish()

    def take(self, line: LogLine, value: JSON, replaced: int) -> None:
        """Update the attributes with the facts in one line of the log."""
        kind = value.get("type")
        time = unix_ms(value.get("timestamp"))
        match kind:
            case "user" | "assistant":
                self._take_turn(line, value, time, replaced)
            case str() if kind in _LINKS:
                self._take_link(line, value, time)
            case "summary" | "ai-title" | "custom-title":
                self._take_title(kind, value)
            case "last-prompt":
                self.last_leaf = text_in(value, "leafUuid")
            case _ if "uuid" in value and "parentUuid" in value:
                self._take_link(line, value, time)
            case _:
                pass

    def title(self) -> str:
        """Return the best title of the main conversation."""
        for kind in ("custom-title", "ai-title", "summary"):
            if title := self._titles.get(kind):
                return title
        return self.main.prompt

    def _take_turn(self, line: LogLine, value: JSON, time: int | None, replaced: int) -> None:
        uuid, parent = text_in(value, "uuid") or f"line-{line.number}", text_in(value, "parentUuid")
        group = self._group(value, uuid, parent)
        session = self.main if group == NONE else self.agents[group]
        session.note(value, time, replaced)
        message = mapping(value.get("message"))
        is_summary = bool(value.get("isCompactSummary"))
        is_hidden = is_summary or bool(value.get("isMeta"))
        message_id = ""
        if value["type"] == "assistant":
            message_id, model = text_in(message, "id"), text_in(message, "model")
            if model != session.model and not is_hidden and not model.startswith("<"):
                session.model = model or session.model
        if not is_hidden:
            session.turns += 1
            if group == NONE:
                self.last_leaf = ""
            self._keep(line, value, session)
        content = message.get("content")
        is_output, calls = _calls(content) if isinstance(content, list) else (False, ())
        self.index.add(
            Link(
                Kind.HIDDEN if is_hidden else Kind.TURN,
                line.offset,
                uuid,
                parent or text_in(value, "logicalParentUuid"),
                is_summary or "parentUuid" not in value,
                is_output,
                message_id,
                calls,
                time,
                group,
            )
        )

    def _take_link(self, line: LogLine, value: JSON, time: int | None) -> None:
        attachment = value.get("attachment")
        prompt = ""
        if isinstance(attachment, dict) and attachment.get("type") == "queued_command":
            prompt = prompt_of(attachment)
        uuid, parent = text_in(value, "uuid"), text_in(value, "parentUuid")
        if prompt and uuid:
            self._keep(line, value, self.main)
        if not uuid:
            if prompt and time is not None:
                self._take_prompt(line, time, prompt)
            return
        self.index.add(
            Link(
                Kind.TURN if prompt else Kind.LINK,
                line.offset,
                uuid,
                parent or text_in(value, "logicalParentUuid"),
                is_boundary=value.get("subtype") == "compact_boundary",
                time=time,
                group=self._group(value, uuid, parent),
            )
        )

    def _take_prompt(self, line: LogLine, time: int, prompt: str) -> None:
        text = kept_text(prompt)
        self._prompt_chars += len(text)
        if self._prompt_chars <= _MOST_PROMPT_CHARS:
            self.prompts.append(Prompt(line.number - 1, time, text))
        else:
            reason = "is a queued prompt, and was left out: the log's queued prompts are too long"
            note_unreadable(self.unreadable, line, reason)

    def _keep(self, line: LogLine, value: JSON, session: Session) -> None:
        """Keep the content of a line if it fits in memory, and note the first prompt."""
        needs_prompt = not session.prompt and value["type"] == "user"
        if self.turns is None and not needs_prompt:
            return
        turn = turn_of(value, line.number - 1)
        if needs_prompt:
            session.prompt = title_in(turn.bodies)
        self._kept_bytes += len(line.raw)
        if self._kept_bytes > self.in_memory:
            self.turns = None
        if self.turns is not None:
            self.turns[line.number - 1] = turn

    def _take_title(self, kind: str, value: JSON) -> None:
        names = {"summary": "summary", "ai-title": "aiTitle", "custom-title": "customTitle"}
        if title := text_in(value, names[kind]).strip():
            self._titles[kind] = title

    def _group(self, value: JSON, uuid: str, parent: str) -> int:
        if not value.get("isSidechain"):
            return NONE
        agent = text_in(value, "agentId")
        if not agent and parent:
            found = self.index.group_of(parent)
            if found != NONE:
                return found
        name = agent or uuid
        if name not in self._numbers:
            self._numbers[name] = len(self.agents)
            self.agents.append(Session(agent=name))
        return self._numbers[name]


def scan(stream: BinaryIO, in_memory: int) -> Scan:
    """Read a log for the first time.

    Args:
        stream: the log.
        in_memory: as in `Scan`.

    Raises:
        OSError: the log cannot be read.
    """
    found = Scan(in_memory)
    found.read(LogReader(stream))
    return found


def _is_skipped(raw: bytes) -> bool:
    return _SKIPPED.match(raw) is not None


def _calls(content: list[Any]) -> tuple[bool, tuple[str, ...]]:
    """Return two facts about a message: whether it contains a tool's output, and ids of tool calls.

    The ids are those of the calls that the message makes, and of the calls whose outputs it
    contains.
    """
    is_output, calls = False, []
    for block in content:
        if isinstance(block, dict):
            call = block.get("tool_use_id")
            if isinstance(call, str):
                is_output = True
            else:
                call = block.get("id")
            if isinstance(call, str):
                calls.append(call)
    return is_output, tuple(calls)
