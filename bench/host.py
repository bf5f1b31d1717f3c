"""The smallest MCP host: it starts a server and speaks to it over its pipes."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Final

from bench.figures import UnmeasuredError

EXIT_S: Final = 10
"""How many seconds a server has to end after its input did."""

HANDSHAKE: Final = "2025-11-25"
"""The last protocol version that begins with `initialize`, which every server here knows."""

_CLIENT: Final = {"name": "bench", "version": "0"}
_NO_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
_ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True, slots=True)
class Program:
    """A command, and the variables that it is started with."""

    command: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)


class Pipes:
    """A program that was just started, its stdin and stdout as pipes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None  # noqa: S101 - pipes were asked for
        assert process.stdout is not None  # noqa: S101 - likewise
        self.input: Final[IO[bytes]] = process.stdin
        self.output: Final[IO[bytes]] = process.stdout
        self.pid: Final = process.pid

    def exchange(self, message: object) -> Any:  # noqa: ANN401 - JSON, as the program answered
        """Send a message as a line of JSON, and return the line that comes back.

        Raises:
            RuntimeError: the program ended.
        """
        self.input.write(json.dumps(message).encode() + b"\n")
        self.input.flush()
        line = self.output.readline()
        if not line:
            raise RuntimeError(f"the program ended instead of answering {str(message)[:100]}")
        return json.loads(line)


class Host:
    """A connection to an MCP server, in the protocol of 2026-07-28 until `handshake` is called."""

    def __init__(self, pipes: Pipes) -> None:
        self.pid: Final = pipes.pid
        self._pipes = pipes
        self._meta: dict[str, object] = {"_meta": _ENVELOPE}
        self._id = 0

    def handshake(self) -> None:
        """Begin with `initialize`, as hosts did until 2025, and speak that protocol from then on.

        Raises:
            RuntimeError: as `request`.
        """
        self._meta = {}
        self.request("initialize", protocolVersion=HANDSHAKE, capabilities={}, clientInfo=_CLIENT)
        done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        self._pipes.input.write(json.dumps(done).encode() + b"\n")
        self._pipes.input.flush()

    def request(self, method: str, **params: object) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            RuntimeError: the server ended, or answered with an error.
        """
        message = self._message(method, params)
        reply = self._pipes.exchange(message)
        if reply.get("id") != message["id"] or "result" not in reply:
            raise RuntimeError(f"no result for {method}: {str(reply)[:300]}")
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

    def seconds(self, tool: str, **arguments: object) -> float:
        """Return how many seconds a call took, from its line to the reply's, parsed.

        Raises:
            RuntimeError: as `call`.
        """
        begun = time.perf_counter()
        self.call(tool, **arguments)
        return time.perf_counter() - begun

    def flight(self, calls: int, at_once: int, tool: str, **arguments: object) -> float:
        """Return how many seconds a number of the same calls took, so many of them in flight.

        Raises:
            RuntimeError: as `call`.
        """
        params = {"name": tool, "arguments": arguments}
        messages = [self._message("tools/call", params) for _ in range(calls)]
        lines = iter([json.dumps(message).encode() + b"\n" for message in messages])
        replies = []
        begun = time.perf_counter()
        self._pipes.input.writelines(islice(lines, at_once))
        self._pipes.input.flush()
        for _ in range(calls):
            replies.append(self._pipes.output.readline())
            self._pipes.input.writelines(islice(lines, 1))
            self._pipes.input.flush()
        elapsed = time.perf_counter() - begun
        answered = {}
        for line in replies:
            reply = json.loads(line or "{}")
            if reply.get("result", {"isError": True}).get("isError"):
                raise RuntimeError(f"{tool} in flight: {line[:300]!r}")
            answered[reply["id"]] = True
        if len(answered) != calls:
            raise RuntimeError(f"{calls} calls of {tool} got {len(answered)} replies")
        return elapsed

    def _message(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        self._id += 1
        params = {**params, **self._meta}
        return {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}


def environment(added: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables without any setting of Backscroll's, and with those added.

    Every server may keep its bytecode, as an installed one does: if not, the start of a checkout
    would be measured with compiling it.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BACKSCROLL_") and name != _NO_BYTECODE
    }
    return {**kept, **added}


@contextmanager
def piped(program: Program) -> Iterator[Pipes]:
    """Start a program and end it by ending its input.

    Raises:
        UnmeasuredError: it is not installed.
    """
    try:
        process = subprocess.Popen(
            program.command,
            env=environment(program.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise UnmeasuredError(
            f"{program.command[0]} is missing: `make bench` installs it"
        ) from error
    with process:
        pipes = Pipes(process)
        try:
            yield pipes
        finally:
            pipes.input.close()
            try:
                process.wait(EXIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def started(program: Program) -> Iterator[Host]:
    """Start an MCP server and end it by ending its input.

    Raises:
        UnmeasuredError: as `piped`.
    """
    with piped(program) as pipes:
        yield Host(pipes)
