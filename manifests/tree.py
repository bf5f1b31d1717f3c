"""The lines of CONTRIBUTING's map of the tree that name the modules of the tools."""

import re
import textwrap
from typing import Final

from manifests.description import tools

_LINES: Final = re.compile(r"(?<=one module for each tool\n)(?: {8}.*\n)+")
_COLUMN: Final = 44
"""Where the map says what modules are for, in characters."""


def mapped(text: str) -> str:
    """Return the map with a module for each tool, those that read first."""
    readers = [tool.name for tool in tools() if not tool.writes]
    writers = [tool.name for tool in tools() if tool.writes]
    lines = _named(readers, "reading") + _named(writers, "writing")
    return _LINES.sub(lambda _: lines, text)


def _named(names: list[str], about: str) -> str:
    modules = " ".join(name.replace("-", "_") for name in names)
    first, *others = textwrap.wrap(modules, _COLUMN - 10) or [""]
    lines = [f"{first:<{_COLUMN - 8}}{about}", *others] if first else []
    return "".join(f"{' ' * 8}{line}\n" for line in lines)
