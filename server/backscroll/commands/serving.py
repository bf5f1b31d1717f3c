"""Serving MCP over stdio: to a host, or to a person who started it by hand."""

import json
import shutil
import sys
from typing import Final

from backscroll.offer import profile_of
from backscroll.settings import Settings

_HINT: Final = """\
backscroll speaks MCP on this terminal now: an MCP host should start it, and talk to it.
To connect a host (Claude, Cursor and others), add this to its mcp.json:

{config}

Without a host: "backscroll demo" shows what it does, "backscroll call" runs a tool.
Ctrl-C stops it.
"""


def serve(settings: Settings) -> None:
    """Serve MCP over stdin and stdout until stdin ends; at a terminal say so on stderr."""
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write(hint())
    if settings.quick_start:
        from backscroll.credentials import credential
        from backscroll.stdio import quick_start

        profile = profile_of(settings)
        credential(settings, profile)  # or else one line says that the key is missing
        quick_start.run(settings, profile)
    else:
        from backscroll.stdio import transport

        transport.run(settings)


def hint() -> str:
    """Return what a person at a terminal wants to know, with the command as it is installed."""
    installed = shutil.which("backscroll")
    command, *arguments = [installed] if installed else [sys.executable, "-m", "backscroll"]
    entry: dict[str, object] = {"command": command}
    if arguments:
        entry["args"] = arguments
    return _HINT.format(config=json.dumps({"mcpServers": {"backscroll": entry}}, indent=2))
