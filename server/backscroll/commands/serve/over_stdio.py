"""Serves MCP over stdio, with a hint if a person started it at a terminal."""

import os
import shlex
import shutil
import sys
from typing import Final

from backscroll.settings.model import Settings, load
from backscroll.upstream.kind import profile_of

_HINT: Final = """\
backscroll speaks MCP on this terminal now: an MCP host should start it, and talk to it.
To connect a host:    {command} connect
To see what it does:  {command} demo
To call a tool:       {command} call
Ctrl-C stops it.
"""


def serve_as_set() -> None:
    """Serve with the settings in the environment, as hosts start it; see `serve`."""
    serve(load())


def serve(settings: Settings) -> None:
    """Serve MCP over stdin and stdout until stdin ends; at a terminal, print a hint on stderr."""
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write(hint())
    if settings.quick_start:
        from backscroll.stdio import quick_start
        from backscroll.upstream.credentials import credential

        profile = profile_of(settings)
        credential(settings, profile)  # fail early, with one line, if the key is missing
        quick_start.run(settings, profile)
    else:
        from backscroll.stdio import transport

        transport.run(settings)


def hint() -> str:
    """Return the hint for a person at a terminal, with the command as it is installed."""
    from backscroll.commands.connect.entry import NAME, launch

    command = launch()
    found = shutil.which(NAME)
    is_on_path = found is not None and os.path.abspath(found) == command[0]  # noqa: PTH100 - as launch has it
    return _HINT.format(command=NAME if is_on_path else shlex.join(command))
