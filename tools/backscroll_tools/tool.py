"""What a tool is, what a call brings along, and what it gives back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import anyio

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import CONVERSATIONS, THREADS, Group
from backscroll_tools.client.tally import Tally
from backscroll_tools.models import JSON
from backscroll_tools.toolset import MESSAGES, Toolset

Output: TypeAlias = Literal["both", "text", "structured"]
"""Which parts of a result a host wants: the transcript, the structured content, or both."""

Report: TypeAlias = Callable[[int, int], Awaitable[None]]
"""Told how many items of how many have been read, after each request of a longer walk."""

RESULT_CHARS: Final = 32_000
DEADLINE_S: Final = 60.0
REQUESTS: Final = 50


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a call may cost.

    Attributes:
        result_chars: characters of the whole result: its text plus its structured content as
            compact JSON; 2,000 to 200,000.
        deadline_s: seconds for the whole call.
        requests: upstream requests for the whole call.
        output: which parts of the result are made, and counted.
    """

    result_chars: int = RESULT_CHARS
    deadline_s: float = DEADLINE_S
    requests: int = REQUESTS
    output: Output = "both"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, under way.

    Attributes:
        client: asks the upstream, on behalf of this call alone.
        bounds: what the call may cost.
        report: told how far a longer walk has come; None if nobody wants to know.
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
        """Return a call whose time, `bounds.deadline_s`, runs from now on.

        Args:
            client: the caller's client of the upstream.
            bounds: what the call may cost; by default those of `Bounds`.
            report: told how far a longer walk has come.
            tally: where the call's requests are counted.
        """
        bounds = bounds or Bounds()
        ends_at = anyio.current_time() + bounds.deadline_s
        return cls(CallClient(client, bounds.requests, ends_at, tally or Tally()), bounds, report)

    @property
    def ends_at(self) -> float:
        """When the call's time ends, in seconds of `anyio.current_time`."""
        return self.client.ends_at


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gives back: text for a model, and the same as typed JSON."""

    text: str
    structured: JSON


@dataclass(frozen=True, slots=True)
class Hints:
    """What a tool may do to what is there (MCP specification, `ToolAnnotations`).

    Attributes:
        read_only: it adds, changes and deletes nothing.
        destructive: it may change or delete what is there; never true of one that only reads.
        idempotent: a second call with the same arguments has no further effect.
        open_world: it reaches more than the messages of the one upstream, such as the web.
    """

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = False


READS: Final = Hints(read_only=True, destructive=False, idempotent=True)
ADDS: Final = Hints(read_only=False, destructive=False, idempotent=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One tool, whole: what hosts show, what agents may pass, and the function behind it.

    Attributes:
        name: as agents call it.
        title: as people see it.
        summary: what it does, in a few words for people, in Markdown.
        description: what it does and when to use it, written for a model.
        input_schema: JSON Schema of the arguments, sized by hand; `arguments.validated` holds
            calls to it.
        output_schema: JSON Schema of `Result.structured`.
        run: the function; its arguments have passed `arguments.validated`.
        toolset: the group that an operator offers or withholds; by default the one that every
            agent is offered.
        hints: what it may do to what is there; by default it only reads.
        needs: endpoints of which an upstream must have one for the tool to be offered.
        finds: what it finds the ids of, such as `a thread`; empty if an id must be known first.
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

    @property
    def writes(self) -> bool:
        """Whether it adds, changes or deletes anything: a server that only reads withholds it."""
        return not self.hints.read_only

    @property
    def destroys(self) -> bool:
        """Whether it may change or delete what is there."""
        return self.hints.destructive
