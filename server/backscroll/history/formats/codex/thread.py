"""Reads a thread of Codex line by line."""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

from msgspec import Struct, field

from backscroll.history.conversation import SourceItem
from backscroll.history.formats.codex.payloads import (
    Report,
    prompts_in_history,
    reports_of_event,
    reports_of_item,
)
from backscroll.history.formats.codex.reported import Reported
from backscroll.history.items.log_items import item_key
from backscroll.history.reading.fields import mapping, text_in
from backscroll.history.reading.texts import first_words
from backscroll.history.reading.times import Period, unix_ms, whole_seconds
from backscroll.store.envelopes import JSON

_START: Final = re.compile(
    rb'\s*\{"timestamp":"[^"\\]*","type":"(\w+)"(?:,"payload":\{"type":"(\w+)")?'
)
_KINDS: Final = frozenset({b"session_meta", b"turn_context", b"response_item", b"compacted"})
_EVENTS: Final = frozenset(
    {
        *(b"user_message", b"agent_message", b"agent_reasoning", b"agent_reasoning_raw_content"),
        *(b"item_completed", b"task_started", b"turn_started", b"thread_rolled_back"),
        *(b"thread_name_updated", b"session_name_updated"),
    }
)

Span = tuple[int, int]
"""The numbers of the first and the last line of turns that the user undid."""


class Facts(Struct):
    """What is known of a thread besides its items.

    Attributes:
        id: the thread's id.
        parent: the id of the thread that started this thread, or from which it was forked.
        title: the name that the user or the program gave; empty if neither did.
        prompt: the first prompt, shortened.
        period: when its lines were written.
        project: the working directory.
        model: the model of the last turn.
        git_branch: the git branch at the start.
        version: the version of Codex.
        agent: the name or the role of the sub-agent.
    """

    id: str = ""
    parent: str = ""
    title: str = ""
    prompt: str = ""
    period: Period = field(default_factory=Period)
    project: str = ""
    model: str = ""
    git_branch: str = ""
    version: str = ""
    agent: str = ""


class Thread(Struct):
    """Reads the lines of a log in order.

    Attributes:
        has_bodies: whether the items have their content. Without it, reading takes half the time.
        taken_back: the `spans` of an earlier reading of the log. Items of these lines are not
            yielded.
        facts: what is known besides the items.
        spans: the lines of turns that the user undid, as far as the log was read.
    """

    has_bodies: bool = True
    taken_back: Sequence[Span] = ()
    facts: Facts = field(default_factory=Facts)
    spans: list[Span] = field(default_factory=list)
    _reported: Reported = field(default_factory=Reported)
    _turn: str = ""
    _counts: dict[int, int] = field(default_factory=dict)
    _kept: "array[int]" = field(default_factory=lambda: array("q"))
    _prompts: list[Span] = field(default_factory=list)
    _has_meta: bool = False
    _has_prompt: bool = False
    _next_span: int = 0

    def skips(self, raw: bytes) -> bool:
        """Return whether a line reports nothing, given its first bytes."""
        start = _START.match(raw)
        if start is None:
            return False
        kind, event = start.groups()
        if kind == b"event_msg":
            return event is not None and event not in _EVENTS
        return kind not in _KINDS or (kind == b"compacted" and self._has_prompt)

    def items(self, number: int, line: JSON) -> Iterator[SourceItem]:
        """Yield the items of a line.

        Args:
            number: the number of the line.
            line: the line.
        """
        time = unix_ms(line.get("timestamp"))
        self.facts.period.add(time)
        for report in self._reports(line):
            if self._reported.is_first(report.channel, report.identity):
                if report.identity[0] == "user":
                    self._note_prompt(number, report)
                if not self._is_taken_back(number):
                    yield SourceItem(
                        key=self._key(report),
                        item=report.body() if self.has_bodies else {},
                        created_at=whole_seconds(time),
                    )

    def take_back(self, number: int, line: JSON) -> int:
        """Forget the items of the turns that a line undoes. Return how many items are left.

        Args:
            number: the number of the line.
            line: any line. Only a `thread_rolled_back` event undoes turns.
        """
        payload = line.get("payload")
        if isinstance(payload, dict) and payload.get("type") == "thread_rolled_back":
            turns = payload.get("num_turns")
            if isinstance(turns, int) and turns > 0 and self._prompts:
                start, count = self._prompts[-min(turns, len(self._prompts))]
                del self._prompts[-turns:]
                self.spans.append((start, number))
                for base in self._kept[count:]:
                    self._counts[base] -= 1
                del self._kept[count:]
        return len(self._kept)

    def _reports(self, line: JSON) -> Iterable[Report]:
        payload = line.get("payload")
        if not isinstance(payload, dict):
            return self._older(line)
        match line.get("type"):
            case "session_meta":
                self._take_meta(payload)
            case "turn_context":
                self._begin_turn(payload)
                self.facts.model = text_in(payload, "model") or self.facts.model
                self.facts.project = self.facts.project or text_in(payload, "cwd")
            case "response_item":
                return reports_of_item(payload)
            case "event_msg":
                return self._event(payload)
            case "compacted" if not self._has_prompt:
                return prompts_in_history(payload.get("replacement_history"))
            case _:
                pass
        return ()

    def _older(self, line: JSON) -> Iterable[Report]:
        """Return the reports in a line without `payload`, from an early version of Codex."""
        if "role" in line or isinstance(line.get("type"), str):
            return reports_of_item(line)
        if not self._has_meta and (text_in(line, "id") or text_in(line, "session_id")):
            self._take_meta(line)
        return ()

    def _event(self, payload: JSON) -> Iterable[Report]:
        match payload.get("type"):
            case "task_started" | "turn_started":
                self._begin_turn(payload)
            case "thread_name_updated" | "session_name_updated":
                name = text_in(payload, "thread_name") or text_in(payload, "session_name")
                self.facts.title = first_words(name) or self.facts.title
            case _:
                return reports_of_event(payload)
        return ()

    def _begin_turn(self, payload: JSON) -> None:
        turn = text_in(payload, "turn_id")
        self._reported.begin_turn(turn)
        self._turn = turn

    def _take_meta(self, payload: JSON) -> None:
        # The log of a fork begins with the fork's own `session_meta` line. The `session_meta` lines
        # after it are copies from the threads from which the fork was made.
        if self._has_meta:
            return
        self._has_meta = True
        facts = self.facts
        facts.id = text_in(payload, "id") or text_in(payload, "session_id")
        facts.project = text_in(payload, "cwd")
        facts.version = text_in(payload, "cli_version")
        facts.git_branch = text_in(mapping(payload.get("git")), "branch")
        agent = mapping(mapping(payload.get("source")).get("subagent"))
        spawn = mapping(agent.get("thread_spawn"))
        facts.parent = text_in(spawn, "parent_thread_id") or text_in(payload, "forked_from_id")
        facts.agent = text_in(spawn, "agent_nickname") or text_in(spawn, "agent_role")

    def _note_prompt(self, number: int, report: Report) -> None:
        self._has_prompt = True
        self._prompts.append((number, len(self._kept)))
        self.facts.prompt = self.facts.prompt or first_words(report.identity[1])

    def _is_taken_back(self, number: int) -> bool:
        spans = self.taken_back
        while self._next_span < len(spans) and spans[self._next_span][1] < number:
            self._next_span += 1
        return self._next_span < len(spans) and spans[self._next_span][0] <= number

    def _key(self, report: Report) -> str:
        """Return a key that the item has in every copy of the thread.

        A copy keeps the ids of the turns, but changes the times.
        """
        kind, what = report.identity
        digest = blake2b(what.encode(), digest_size=12).hexdigest()
        base = item_key(*filter(None, (self._turn, kind, digest)))
        hashed = hash(base)
        nth = self._counts.get(hashed, 0)
        self._counts[hashed] = nth + 1
        self._kept.append(hashed)
        return f"{base}-{nth}" if nth else base
