"""Defines the types of tools, calls and results."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, TypeAlias

import anyio
from msgspec import Struct

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import CONVERSATIONS, THREADS, Group
from backscroll_tools.client.tally import Tally
from backscroll_tools.models import JSON
from backscroll_tools.toolset import MESSAGES, Toolset

Output: TypeAlias = Literal["both", "text", "structured"]
"""The parts of a result that a host wants: the text, the structured content, or both."""

Report: TypeAlias = Callable[[int, int], Awaitable[None]]
"""A function that reports progress. It is called between upstream requests, with the number of
items that the call has read, and the maximum number that it may read."""

RESULT_CHARS: Final = 32_000
"""The default maximum length of a result, in characters."""

DEADLINE_S: Final = 60.0
"""The default maximum duration of a call, in seconds."""

REQUESTS: Final = 50
"""The default maximum number of upstream requests that a call may make."""


class Bounds(Struct, frozen=True):
    """The limits of a call.

    Attributes:
        result_chars: the maximum length of the whole result, in characters: its text plus its
            structured content as compact JSON; 2,000 to 200,000.
        deadline_s: the maximum duration of the whole call, in seconds.
        requests: the maximum number of upstream requests of the whole call.
        output: the parts of the result that the host wants. Only these parts count towards
            `result_chars`.
    """

    result_chars: int = RESULT_CHARS
    deadline_s: float = DEADLINE_S
    requests: int = REQUESTS
    output: Output = "both"


class Call(Struct, frozen=True):
    """A tool call in progress.

    Attributes:
        client: sends upstream requests for this call only.
        bounds: the limits of the call.
        report: called with the progress of the call; None if the host did not ask for it.
    """

    client: CallClient
    bounds: Bounds = Bounds()
    report: Report | None = None

    @classmethod
    def begin(
        cls,
        client: Client,
        bounds: Bounds | None = None,
        report: Report | None = None,
        tally: Tally | None = None,
    ) -> "Call":
        """Return a new call. Its time limit, `bounds.deadline_s`, starts now.

        Args:
            client: the caller's client of the upstream.
            bounds: the limits of the call; the defaults of `Bounds` if None.
            report: called with the progress of the call; None for no reports.
            tally: counts the call's requests; a new counter if None.
        """
        bounds = bounds or Bounds()
        ends_at = anyio.current_time() + bounds.deadline_s
        return cls(CallClient(client, bounds.requests, ends_at, tally or Tally()), bounds, report)

    @property
    def ends_at(self) -> float:
        """The call's deadline, in seconds of `anyio.current_time`."""
        return self.client.ends_at


class Result(Struct, frozen=True):
    """The result of a tool: text for a model, and the same content as typed JSON."""

    text: str
    structured: JSON


class Hints(Struct, frozen=True):
    """How a tool may affect existing data (MCP specification, `ToolAnnotations`).

    Attributes:
        read_only: whether the tool only reads.
        destructive: whether it may change or delete existing data; False if it only reads.
        idempotent: whether a second call with the same arguments has no further effect.
        open_world: whether it accesses other systems than the upstream, such as the web.
    """

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = False


READS: Final = Hints(read_only=True, destructive=False, idempotent=True)
ADDS: Final = Hints(read_only=False, destructive=False, idempotent=False)
CHANGES: Final = Hints(read_only=False, destructive=True, idempotent=True)
"""The hints of a tool that replaces or deletes data, and can be called again without harm."""


class Tool(Struct, frozen=True, eq=False):
    """The definition of a tool: its texts, its schemas, and the function that runs it.

    Attributes:
        name: the name that agents call.
        title: the name that people see.
        summary: the purpose of the tool, in a few words of Markdown for people.
        description: the purpose of the tool and when to use it, written for a model.
        input_schema: the JSON Schema of the arguments. It is short; `arguments.validated` checks
            calls against it and against further rules.
        schema_without_admin_key: the JSON Schema of the arguments that agents see if the server has
            no admin key for them; None if they see `input_schema`.
        output_schema: the JSON Schema of `Result.structured`.
        run: the function that runs the tool. It is called with validated arguments.
        toolset: the toolset that the tool belongs to; `MESSAGES` by default.
        hints: how the tool may affect existing data. By default, the tool only reads.
        needs: groups of endpoints. The upstream must serve at least one of these groups.
        finds: the kind of object that the tool can find without an id, such as `a thread`; empty if
            a call must pass an id.
        keywords: words that users say, in addition to the words of the texts above, for hosts that
            search for tools; may be empty.
        short_ids: the names of the arguments that may be the short id of a message, such as
            `~x7Kd2` (`short_ids`). All other arguments must be whole ids.
    """

    name: str
    title: str
    summary: str
    description: str
    input_schema: Mapping[str, object]
    output_schema: Mapping[str, object]
    run: Callable[[Call, JSON], Awaitable[Result]]
    toolset: Toolset = MESSAGES
    hints: Hints = READS
    needs: tuple[Group, ...] = (THREADS, CONVERSATIONS)
    finds: str = ""
    keywords: str = ""
    short_ids: tuple[str, ...] = ()
    schema_without_admin_key: Mapping[str, object] | None = None

    @property
    def writes(self) -> bool:
        """Whether the tool adds, changes or deletes data. A read-only server omits such tools."""
        return not self.hints.read_only

    @property
    def destroys(self) -> bool:
        """Whether the tool may change or delete existing data."""
        return self.hints.destructive
