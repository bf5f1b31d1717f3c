"""Defines the toolsets: groups of tools that an operator can enable or disable.

This module imports only the standard library, because settings are read before any tool is
imported.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Toolset:
    """A group of tools that an operator enables or disables together.

    Attributes:
        name: the toolset's name in `BACKSCROLL_TOOLSETS`.
        about: the purpose of the tools, in a few words for operators.
    """

    name: str
    about: str


MESSAGES: Final = Toolset("messages", "find, read and write messages")
"""The only toolset that is enabled by default."""

THREADS_TOOLSET: Final = Toolset("threads", "create, change, copy and delete threads")
COMPLETIONS_TOOLSET: Final = Toolset("completions", "read, change and delete stored completions")
RESPONSES_TOOLSET: Final = Toolset("responses", "find, read, cancel and delete responses")
RUNS: Final = Toolset("runs", "read, start and cancel runs of assistants")
FILES: Final = Toolset("files", "read files and vector stores")
API: Final = Toolset("api", "read every other list and object of the API")

TOOLSETS: Final = (
    MESSAGES,
    THREADS_TOOLSET,
    COMPLETIONS_TOOLSET,
    RESPONSES_TOOLSET,
    RUNS,
    FILES,
    API,
)
"""All toolsets, in the order in which the settings list them."""
