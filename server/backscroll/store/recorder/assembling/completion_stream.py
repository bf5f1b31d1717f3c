"""Assembles a chat completion from its chunks.

Source: the chunks of OpenAI's API, and how other servers differ from it: a first chunk without an
id and choices (Azure), choices without a delta, tool calls without an index or an id, texts of
reasoning, and errors in a stream whose status was 200.
"""

from typing import Any, Final

from backscroll.store.recorder.assembling.assembly import Assembly, Reason
from backscroll.store.recorder.assembling.growing import merge, replace, settled, size_of
from backscroll.store.recorder.assembling.lenient_json import JSON
from backscroll.store.recorder.assembling.server_error import error_of
from backscroll.store.recorder.assembling.tool_calls import add_tool_calls, without_indexes

_NOT_KEPT: Final = frozenset(("choices", "error", "obfuscation", "object"))
_FIRST_KEPT: Final = frozenset(("created", "id", "model"))
_NEVER_ABSENT: Final = {"role": "assistant", "content": None, "refusal": None}
"""The fields that the API requires of a message, for servers that stream none of them."""

_NEW_CHOICE: Final = 64
"""The size of a choice that has nothing yet."""


class CompletionDraft:
    """A chat completion as far as its chunks are known.

    Args:
        choices: how many choices were asked for (`n`).
    """

    def __init__(self, choices: int = 1) -> None:
        self._expected = choices
        self._fields: JSON = {"id": None, "object": "chat.completion"}
        self._choices: dict[int, JSON] = {}
        self.size = 0
        self.error: JSON | None = None
        self.is_ended = False

    @property
    def id(self) -> str | None:
        """The first id that is not empty; None before."""
        found: str | None = self._fields["id"]
        return found

    def add(self, name: str, value: JSON, *, is_full: bool) -> None:
        """Add a chunk."""
        if not is_full:
            for key, field in value.items():
                is_new = field is not None or key not in self._fields
                if is_new and key not in _NOT_KEPT:
                    self._set_field(key, field)
            choices = value.get("choices")
            for choice in choices if isinstance(choices, list) else []:
                if isinstance(choice, dict):
                    self._add_choice(choice)
        self.error = error_of(name, value)
        self.is_ended = self.error is not None

    def is_whole(self, *, is_done: bool) -> bool:
        """Return whether the server said so, or every choice that was asked for has its reason.

        Some servers end the stream without `[DONE]`, and some send no `finish_reason`.
        """
        finished = [choice for choice in self._choices.values() if choice.get("finish_reason")]
        return is_done or len(self._choices) == len(finished) >= self._expected

    def is_repeated(self) -> bool:
        """Return false: no chunk of a stream has the whole completion."""
        return False

    def is_empty(self) -> bool:
        """Return whether there was no choice."""
        return not self._choices

    def whole(self, reason: Reason | None) -> JSON:  # noqa: ARG002 - a completion has no status
        """Return the completion, with its choices in order."""
        choices = [_whole_choice(self._choices[index]) for index in sorted(self._choices)]
        whole: JSON = settled({**self._fields, "choices": choices})
        return whole

    def _set_field(self, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Keep the newest value of a field, such as `usage`, or the first one."""
        if key in _FIRST_KEPT and self._fields.get(key):
            return
        if key == "id" and not (isinstance(value, str) and value):
            return
        self.size += replace(self._fields, key, value)

    def _add_choice(self, part: JSON) -> None:
        index = part.get("index")
        index = index if isinstance(index, int) else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = {"index": index, "finish_reason": None, "logprobs": None, "message": {}}
            self._choices[index] = choice
            self.size += _NEW_CHOICE
        for key, value in part.items():
            if key == "logprobs" and isinstance(value, dict) and isinstance(choice[key], dict):
                self.size += size_of(value)
                merge(choice[key], value)
            elif value is not None and key not in ("delta", "index", "message"):
                self.size += replace(choice, key, value)
        self._add_delta(choice, part)

    def _add_delta(self, choice: JSON, part: JSON) -> None:
        delta, message = part.get("delta"), part.get("message")
        if isinstance(delta, dict):
            self.size += size_of(delta)
            calls = delta.pop("tool_calls", None)
            merge(choice["message"], delta)
            add_tool_calls(choice["message"], calls)
        elif isinstance(message, dict):  # a server that does not stream, and sends it whole
            self.size += replace(choice, "message", message)


def _whole_choice(choice: JSON) -> JSON:
    message = {**_NEVER_ABSENT, **choice["message"]}
    return {**choice, "message": without_indexes(message)}


def completion_stream(choices: int = 1, **bounds: int) -> Assembly:
    """Return what assembles a chat completion from the bytes of its stream.

    Args:
        choices: how many choices were asked for (`n`).
        bounds: `max_event_bytes` and `max_chars` of `Assembly`.
    """
    return Assembly(CompletionDraft(choices), **bounds)
