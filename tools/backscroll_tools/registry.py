"""All tools, in the order in which the server presents them to hosts.

A tool is imported when it is first asked for. A process that offers one toolset starts sooner
without the modules of the others.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Final

from backscroll_tools.tool import Tool

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "messages": (
        "list-messages",
        "get-chat-messages",
        "list-message-files",
        "create-message",
        "get-message",
        "list-threads",
        "list-chat-completions",
        "search-messages",
    ),
    "threads": (
        "create-thread",
        "get-thread",
        "modify-thread",
        "delete-thread",
        "modify-message",
        "delete-message",
        "copy-thread",
    ),
    "completions": (
        "get-chat-completion",
        "modify-chat-completion",
        "delete-chat-completion",
    ),
    "responses": (
        "list-responses",
        "get-response",
        "cancel-response",
        "delete-response",
    ),
    "runs": (
        "list-runs",
        "get-run",
        "create-run",
        "modify-run",
        "cancel-run",
        "list-run-steps",
        "get-run-step",
    ),
    "files": (
        "list-files",
        "get-file",
        "read-file",
        "list-vector-stores",
        "list-vector-store-files",
        "search-vector-store",
    ),
    "api": (
        "list-objects",
        "get-object",
    ),
}
"""The names of the tools in each toolset. The tool `list-runs` is `LIST_RUNS` in the module
`tools.list_runs`."""

TOOLS: tuple[Tool, ...]
"""Every tool."""


def tools_of(toolsets: Iterable[str]) -> tuple[Tool, ...]:
    """Return the tools of the toolsets that have these names; with the name `all`, every tool."""
    chosen = frozenset(toolsets)
    return tuple(
        _imported(name)
        for toolset, names in _NAMES.items()
        if toolset in chosen or "all" in chosen
        for name in names
    )


def _imported(name: str) -> Tool:
    module_name = name.replace("-", "_")
    module = import_module(f"backscroll_tools.tools.{module_name}")
    tool: Tool = getattr(module, module_name.upper())
    return tool


def __getattr__(name: str) -> object:
    """Return `TOOLS` when it is first asked for (PEP 562)."""
    if name != "TOOLS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["TOOLS"] = every_tool = tools_of(["all"])
    return every_tool
