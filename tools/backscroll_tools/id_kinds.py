"""Recognises ids of the wrong kind by their first characters, such as a thread's id in `run_id`.

Upstreams may use ids of any form. So an id is refused only if its first characters are known to
belong to a kind that the argument does not take.
"""

from collections.abc import Collection
from typing import Final

from backscroll_tools.errors import ToolError

_KINDS: Final = {
    "asst_": "assistant",
    "batch_": "batch",
    "chatcmpl": "chat completion",
    "conv_": "conversation",
    "file-": "file",
    "file_": "file",
    "ftjob-": "fine-tuning job",
    "msg_": "message",
    "resp_": "response",
    "run_": "run",
    "step_": "run's step",
    "thread_": "thread",
    "vs_": "vector store",
}
"""The kinds of objects by the first characters of their ids (OpenAI API)."""

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
    "run": ("get-run", "modify-run"),
}
"""The tools that take an id of each kind."""


def wrong_kind(argument: str, value: object) -> str:
    """Return a sentence for the error if an id is of the wrong kind; otherwise an empty text.

    The sentence names the kind of the id and the kind that the argument takes.

    Args:
        argument: the name of the argument.
        value: the value of the argument.
    """
    taken = _TAKES.get(argument)
    kind = _kind_of(value) if isinstance(value, str) else ""
    if taken is None or kind in {"", taken}:
        return ""
    return f"{argument} is the id of {_one(kind)}, not of {_one(taken)}."


def refuse_other_kinds(verb: str, argument: str, value: str, kinds: Collection[str]) -> None:
    """Refuse an id if its first characters belong to a kind that the tool does not take.

    Args:
        verb: the first word of the called tool's name, such as `delete`. If a tool with the same
            verb takes the id, the error names this tool.
        argument: the name of the argument.
        value: the id.
        kinds: the kinds that the tool takes, such as `thread`.

    Raises:
        ToolError: `invalid_arguments` if the id is of a kind that is not in `kinds`.
    """
    kind = _kind_of(value)
    if not kind or kind in kinds:
        return
    tools = [tool for tool in _TOOLS.get(kind, ()) if tool.startswith(f"{verb}-")]
    raise of_another_kind(argument, kind, kinds, tools[0] if tools else "")


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
