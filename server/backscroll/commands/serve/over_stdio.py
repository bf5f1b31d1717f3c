"""Serves MCP over stdio. If a person starts the server at a terminal, a hint is printed."""

import os
import sys
from typing import Final

from backscroll.process.exits import CommandError
from backscroll.settings.loading import load
from backscroll.settings.model import Settings
from backscroll.upstream.kind import profile_of

_HINT: Final = """\
backscroll is serving MCP on this terminal. Normally an MCP host starts it.
To connect a host:    {command} connect
To see what it does:  {command} demo
To call a tool:       {command} call
Ctrl-C stops it.
"""


def serve_as_set() -> None:
    """Serve with the settings in the environment. This is how hosts start Backscroll."""
    serve(load())


def serve(settings: Settings) -> None:
    """Serve MCP over stdin and stdout until stdin ends.

    If stdin is a terminal, a hint is printed to stderr first.

    Raises:
        CommandError: stdin or stdout is closed.
    """
    if sys.stdin is None or sys.stdout is None:
        raise CommandError("stdin or stdout is closed, but the protocol needs both")
    if sys.stdin.isatty():
        sys.stderr.write(hint())
    if settings.quick_start:
        from backscroll.stdio import quick_start
        from backscroll.upstream.credentials import credential

        profile = profile_of(settings)
        credential(settings, profile)  # raises a one-line error early if the key is missing
        quick_start.run(settings, profile)
    else:
        from backscroll.stdio import transport

        transport.run(settings)


def hint() -> str:
    """Return the hint for a person at a terminal, with the command that starts Backscroll."""
    import shlex
    import shutil

    from backscroll.settings.installation import NAME, launch

    command = launch()
    found = shutil.which(NAME)
    is_on_path = found is not None and os.path.abspath(found) == command[0]  # noqa: PTH100 - symbolic links stay, as in `launch`
    return _HINT.format(command=NAME if is_on_path else shlex.join(command))
