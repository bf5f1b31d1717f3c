"""Recognises ids of the wrong kind by their first characters, such as a thread's id in `run_id`.

Upstreams may use ids of any form. So an id is refused only if its first characters are known to
belong to a kind that the argument does not take.
"""

from collections.abc import Collection
from typing import Final

from backscroll_tools.errors import ToolError
from backscroll_tools.toolset import RUNS, Toolset

_KINDS: Final = {
    "asst_": "assistant",
    "batch_": "batch",
    "chatcmpl": "chat completion",
    "conv_": "conversation",
    "cthr_": "ChatKit thread",
    "file-": "file",
    "file_": "file",
    "ftjob-": "fine-tuning job",
    "msg_": "message",
    "proj_": "project",
    "resp_": "response",
    "run_": "run",
    "sesn_": "managed agent session",
    "sess_": "agent session",
    "step_": "run's step",
    "thread_": "thread",
    "vs_": "vector store",
    "vsfb_": "file batch",
}
"""The kinds of objects by the first characters of their ids (OpenAI API; `sesn_`: Anthropic)."""

_TAKES: Final = {
    "assistant_id": "assistant",
    "conversation_id": "conversation",
    "file_id": "file",
    "run_id": "run",
    "step_id": "run's step",
    "vector_store_id": "vector store",
}
"""The kind of object whose id an argument takes. The table has only arguments that take the same
kind in every tool."""

_TOOLS: Final = {
    "thread": ("get-thread", "modify-thread", "delete-thread"),
    "conversation": ("get-thread", "modify-thread", "delete-thread"),
    "message": ("get-message", "modify-message", "delete-message"),
    "chat completion": (
        "get-chat-completion",
        "modify-chat-completion",
        "delete-chat-completion",
    ),
    "response": ("get-response", "delete-response", "cancel-response"),
    "run": ("get-run", "modify-run", "cancel-run"),
    "run's step": ("get-run-step",),
    "file": ("get-file", "read-file"),
    "assistant": ("get-object",),
    "batch": ("get-object",),
    "file batch": ("get-object",),
    "fine-tuning job": ("get-object",),
    "project": ("get-object",),
}
"""The tools that take an id of each kind, and that are named for their verb."""

_READERS: Final = {
    "thread": "list-messages",
    "conversation": "list-messages",
    "agent session": "list-messages",
    "managed agent session": "list-messages",
    "ChatKit thread": "list-messages",
    "chat completion": "get-chat-messages",
    "response": "get-chat-messages",
    "vector store": "list-vector-store-files",
}
"""The tool that reads the content of an object, if it is not the first one in `_TOOLS`."""

_MESSAGES: Final = frozenset(
    {"thread", "conversation", "agent session", "managed agent session", "ChatKit thread"}
)
"""The kinds of objects that contain messages, and whose ids are passed as `thread_id`."""


def wrong_kind(argument: str, value: object, toolset: Toolset | None = None) -> str:
    """Return a sentence for the error if an id is of the wrong kind; otherwise an empty text.

    The sentence names the kind of the id and the kind that the argument takes.

    Args:
        argument: the name of the argument.
        value: the value of the argument.
        toolset: the toolset of the called tool; None if it is not known.
    """
    # Only threads have runs, but other tools also take the ids of conversations as `thread_id`.
    taken = "thread" if (toolset, argument) == (RUNS, "thread_id") else _TAKES.get(argument)
    kind = _kind_of(value) if isinstance(value, str) else ""
    if taken is None or kind in {"", taken}:
        return ""
    return f"{argument} is the id of {_one(kind)}, not of {_one(taken)}."


def reader_of(value: object) -> str:
    """Return the name of the tool that reads the object with an id; empty if it is not known."""
    kind = _kind_of(value) if isinstance(value, str) else ""
    return _READERS.get(kind) or next(iter(_TOOLS.get(kind, ())), "")


def refuse_as_thread(value: str) -> None:
    """Refuse a `thread_id` if its first characters belong to an object without messages.

    Raises:
        ToolError: `invalid_arguments`.
    """
    kind = _kind_of(value)
    if kind and kind not in _MESSAGES:
        raise of_another_kind("thread_id", kind, ("thread", "conversation"), reader_of(value))


def refuse_as_message(value: str) -> None:
    """Refuse a `message_id` if its first characters belong to an object that is no message.

    The ids of a completion's messages start with its id, and so may those of a response's.

    Raises:
        ToolError: `invalid_arguments`.
    """
    kind = _kind_of(value)
    if kind not in {"", "message", "chat completion", "response"}:
        raise of_another_kind("message_id", kind, ("message",), reader_of(value))


def refuse_unlike(verb: str, argument: str, value: str, example: str) -> None:
    """Refuse an id if it is known to be of another kind than an example.

    Args:
        verb: as in `refuse_other_kinds`.
        argument: the name of the argument.
        value: the id.
        example: the start of an id of the right kind. If its kind is not known, every id is
            accepted.

    Raises:
        ToolError: as in `refuse_other_kinds`.
    """
    if kind := _kind_of(example):
        refuse_other_kinds(verb, argument, value, (kind,))


def refuse_other_kinds(verb: str, argument: str, value: str, kinds: Collection[str]) -> None:
    """Refuse an id if its first characters belong to a kind that the tool does not take.

    Args:
        verb: the first word of the called tool's name, such as `delete`. If a tool with the same
            verb takes the id, the error names this tool. Otherwise it names the tool that reads the
            object.
        argument: the name of the argument.
        value: the id.
        kinds: the kinds that the tool takes, such as `thread`.

    Raises:
        ToolError: `invalid_arguments` if the id is of a kind that is not in `kinds`.
    """
    kind = _kind_of(value)
    # What else contains messages is an object of its own on few upstreams, which then take its id.
    if not kind or kind in kinds or ("thread" in kinds and kind in _MESSAGES):
        return
    tools = [tool for tool in _TOOLS.get(kind, ()) if tool.startswith(f"{verb}-")]
    raise of_another_kind(argument, kind, kinds, tools[0] if tools else reader_of(value))


def of_another_kind(
    argument: str, kind: str, kinds: Collection[str], taken_by: str = ""
) -> ToolError:
    """Return the error `invalid_arguments` for an id of a kind that a tool does not take.

    Args:
        argument: the name of the argument.
        kind: the kind that the id belongs to, such as `response`.
        kinds: the kinds that the tool takes, such as `thread`.
        taken_by: the name of a tool that takes the id; empty if no such tool is known.
    """
    return ToolError(
        "invalid_arguments",
        f"{argument} is the id of {_one(kind)}.",
        next_step=f"Pass the id of {' or '.join(_one(each) for each in kinds)}.",
        taken_by=taken_by,
    )


def _kind_of(value: str) -> str:
    """Return the kind of object that an id seems to belong to; empty if it is not known."""
    return next((kind for start, kind in _KINDS.items() if value.startswith(start)), "")


def _one(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
