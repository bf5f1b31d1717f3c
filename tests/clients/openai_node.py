"""OpenAI's client of npm, in a process of its own."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from tests.clients.nodejs import MODULES, NODE, SCRIPTS, installed

JSON = dict[str, Any]


def call(method: str, *given: Any, **more: Any) -> JSON:  # noqa: ANN401 - any argument of the client
    """Return a call of a method of the client, such as `responses.create`.

    Args:
        method: the method.
        given: its arguments.
        more: `until`, the number of events after which a stream is left.
    """
    return {"call": method, "with": given, **more}


def earlier(number: int, *path: str | int) -> JSON:
    """Return an argument that is a field of what an earlier call, counted from 0, returned."""
    return {"$": [number, *path]}


@dataclass(frozen=True, slots=True)
class NodeClient:
    """The client, which makes the calls of one session after another."""

    stdin: IO[str]
    stdout: IO[str]

    def session(self, url: str, calls: Sequence[JSON], retries: int = 0) -> list[JSON]:
        """Make calls, one after the other, and return what came of each.

        Args:
            url: the base URL.
            calls: the calls.
            retries: how often the client tries again what failed.

        Returns:
            For each call `value`: what the client returned, all events of a stream, or all items of
            a list; `final`: what the client assembled from a stream; `error`: what it threw.
        """
        asked = {"url": url, "retries": retries, "calls": calls}
        self.stdin.write(json.dumps(asked) + "\n")
        self.stdin.flush()
        came: list[JSON] = json.loads(self.stdout.readline())
        return came


@contextmanager
def node_client() -> Iterator[NodeClient]:
    """Run the client until the end of the context.

    Raises:
        FileNotFoundError: the Node.js packages are not installed.
    """
    installed()
    process = subprocess.Popen(
        (NODE, SCRIPTS / "openai.cjs"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={"NODE_PATH": str(MODULES)},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield NodeClient(process.stdin, process.stdout)
        finally:
            process.kill()
