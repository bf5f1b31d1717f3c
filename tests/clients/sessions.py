"""Third-party clients over HTTP, each in its own process: one connection and some calls."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.clients import nodejs
from tests.clients.programs import finished

JSON = dict[str, Any]

SDK: Final = "@modelcontextprotocol/sdk"
CLIENT: Final = "@modelcontextprotocol/client"
FASTMCP: Final = "fastmcp"
PEERS: Final = nodejs.ROOT / ".cache" / "bench-venv" / "bin" / "python"
"""Where `make soak` installs FastMCP, separate from the tests' own environment."""


def session(client: str, url: str, token: str, calls: Sequence[JSON]) -> JSON:
    """Let a client connect, list the tools, and make calls.

    Args:
        client: the name of the client.
        url: the URL of the server.
        token: the caller's token; empty for none.
        calls: the calls, each with a `tool` and its `arguments`.

    Returns:
        The negotiated `version`, the names of the `tools`, and the `answers`: for each call its
        `result` or `error`, and the `progress` that was reported, as (done, total).

    Raises:
        subprocess.CalledProcessError: it could not connect; its output is in the notes.
    """
    asked = json.dumps({"client": client, "url": url, "token": token, "calls": calls})
    if client == FASTMCP:
        script = Path(__file__).parent / "fastmcp_session.py"
        came: JSON = json.loads(finished(PEERS, script, stdin=asked))
    else:
        came = json.loads(nodejs.run(nodejs.SCRIPTS / "session.cjs", stdin=asked))
    return came
