"""Recognises an id of the wrong kind, and names the tool that takes it."""

from collections.abc import Collection
from typing import Final

from backscroll_tools.errors import ToolError

_KINDS: Final = {
    "thread_": "thread",
    "conv_": "conversation",
    "msg_": "message",
    "chatcmpl": "chat completion",
    "resp_": "response",
    "run_": "run",
}
"""The kinds of objects by the start of their ids (OpenAI API). Upstreams may use other ids too."""

_TOOLS: Final = {
    "thread": ("get-thread", "modify-thread", "delete-thread"),
    "conversation": ("get-thread", "modify-thread", "delete-thread"),
    "message": ("get-message", "modify-message", "delete-message"),
    "chat completion": (
        "get-chat-completion",
        "modify-chat-completion",
        "delete-chat-completion",
    ),
    "response": ("get-response", "delete-response"),
    "run": ("get-run", "modify-run"),
}
"""The tools that take an id of each kind."""


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
    kind = next((kind for start, kind in _KINDS.items() if value.startswith(start)), None)
    if kind is None or kind in kinds:
        return
    tools = [tool for tool in _TOOLS[kind] if tool.startswith(f"{verb}-")]
    raise ToolError(
        "invalid_arguments",
        f"{argument} is the id of a {kind}.",
        next_step=f"Pass the id of a {' or '.join(kinds)}.",
        taken_by=tools[0] if tools else "",
    )
