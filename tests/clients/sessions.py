"""Clients of others over HTTP, each in its own process: one connection, and some calls."""

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
"""Where FastMCP is installed, apart from what it would pull in: `make soak` does it."""


def session(client: str, url: str, token: str, calls: Sequence[JSON]) -> JSON:
    """Have a client connect, list the tools, and make calls.

    Args:
        client: which.
        url: of the server.
        token: of the caller, or nothing.
        calls: each a `tool` and its `arguments`.

    Returns:
        The `version` that was agreed on, the names of the `tools`, and the `answers`: of each call
        its `result` or its `error`, and the `progress` that it told of, as (done, total).

    Raises:
        subprocess.CalledProcessError: it could not connect; what it said is in the notes.
    """
    asked = json.dumps({"client": client, "url": url, "token": token, "calls": calls})
    if client == FASTMCP:
        script = Path(__file__).parent / "fastmcp_session.py"
        came: JSON = json.loads(finished(PEERS, script, stdin=asked))
    else:
        came = json.loads(nodejs.run(nodejs.SCRIPTS / "session.cjs", stdin=asked))
    return came
