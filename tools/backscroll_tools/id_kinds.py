"""Recognises an id of another kind than an argument takes, by the first characters of the id.

Upstreams may use ids of any form, so only an id that starts like one of another kind is refused.
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
"""The kinds of objects whose ids arguments take in every tool."""

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
    """Return a sentence that names the kind of an id if it is of another kind; otherwise empty.

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
    """Refuse an id that is known to be of another kind than the tool takes.

    Args:
        verb: what the called tool does, such as `delete`. The error names the tool for the id's
            kind that does the same.
        argument: the name of the argument.
        value: the id.
        kinds: the kinds that the tool takes, such as `thread`.

    Raises:
        ToolError: `invalid_arguments` if the id is of another kind.
    """
    kind = _kind_of(value)
    if not kind or kind in kinds:
        return
    tools = [tool for tool in _TOOLS.get(kind, ()) if tool.startswith(f"{verb}-")]
    raise ToolError(
        "invalid_arguments",
        f"{argument} is the id of {_one(kind)}.",
        next_step=f"Pass the id of {' or '.join(_one(each) for each in kinds)}.",
        taken_by=tools[0] if tools else "",
    )


def _kind_of(value: str) -> str:
    """Return the kind of object that an id seems to belong to; empty if it is not known."""
    return next((kind for start, kind in _KINDS.items() if value.startswith(start)), "")


def _one(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
