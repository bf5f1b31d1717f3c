"""The type of a toolset, and all toolsets.

Imports the standard library only, because settings name toolsets before any tool is imported.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Toolset:
    """A group of tools that an operator offers or withholds together.

    Attributes:
        name: the word for it in `BACKSCROLL_TOOLSETS`.
        about: what its tools do, in a few words for operators.
    """

    name: str
    about: str


MESSAGES: Final = Toolset("messages", "find, read and write messages")
"""The toolset that is offered by default; every other one is opt-in."""

TOOLSETS: Final = (MESSAGES,)
"""Every toolset, in the order in which the settings name them."""
