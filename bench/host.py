"""The smallest MCP host: it starts a server and speaks 2026-07-28 to it over its pipes."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

EXIT_S: Final = 10
"""How many seconds a server has to end after its input did."""

_ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Host:
    """A connection to a server that was just started.

    Args:
        process: the server, its stdin and stdout as pipes.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None  # noqa: S101 - pipes were asked for
        assert process.stdout is not None  # noqa: S101 - likewise
        self._input, self._output = process.stdin, process.stdout
        self._id = 0

    def request(self, method: str, **params: object) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            RuntimeError: the server ended, or answered with an error.
        """
        self._id += 1
        message = {
            "jsonrpc": "2.0",
            "id": self._id,
            "method": method,
            "params": {**params, "_meta": _ENVELOPE},
        }
        self._input.write(json.dumps(message).encode() + b"\n")
        self._input.flush()
        line = self._output.readline()
        reply = json.loads(line) if line else {}
        if reply.get("id") != self._id or "result" not in reply:
            message_text = f"no result for {method}: {line[:300]!r}"
            raise RuntimeError(message_text)
        result: dict[str, Any] = reply["result"]
        return result

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool and return its result.

        Raises:
            RuntimeError: as `request`, or the tool answered with an error.
        """
        result = self.request("tools/call", name=tool, arguments=arguments)
        if result.get("isError"):
            raise RuntimeError(str(result["content"])[:300])
        return result


@contextmanager
def started(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Host]:
    """Start a server and end it by ending its input."""
    process = subprocess.Popen(
        command,
        env=os.environ | environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            yield Host(process)
        finally:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.close()
            try:
                process.wait(EXIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def seconds(host: Host, tool: str, **arguments: object) -> float:
    """Return how many seconds a tool call took, from its line to the reply's, parsed."""
    begun = time.perf_counter()
    host.call(tool, **arguments)
    return time.perf_counter() - begun
