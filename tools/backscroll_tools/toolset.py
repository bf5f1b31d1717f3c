"""What a toolset is, and every one that there is.

Imports the standard library only: settings name toolsets before a tool is imported.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Toolset:
    """A group of tools that an operator offers or withholds together.

    Attributes:
        name: the word in `BACKSCROLL_TOOLSETS` that offers it.
        about: what its tools do, in a few words for operators.
    """

    name: str
    about: str


MESSAGES: Final = Toolset("messages", "find, read and write messages")
"""What agents are offered by default; every other toolset is opt-in."""

TOOLSETS: Final = (MESSAGES,)
"""Every toolset, in the order in which the settings name them."""
