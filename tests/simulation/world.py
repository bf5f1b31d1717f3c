"""One simulated world: an upstream, its clients, and the promises that are checked."""

import random
import re
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

import anyio
import httpx2

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import THREADS
from backscroll_tools.client.profiles import Profile, Upstream
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.tool import Bounds, Call, Result, Tool
from tests.simulation.upstream import EPOCH_S, MemoryUpstream, Row

CODES: Final = frozenset(get_args(ErrorCode)) - {"internal", "read_only"}
"""The codes with which a call may fail; `internal` would be a fault of Backscroll."""

_NAMED: Final = re.compile(r'(thread_id|idempotency_key) "([^"]+)"')

Ending: TypeAlias = Literal["done", "cancelled"] | ErrorCode


@dataclass(slots=True, eq=False)
class Letter:
    """One message that is to be written once.

    Attributes:
        arguments: the arguments of `create-message`, with the key once it is known.
        list_id: the list in which a call reported it as written; None until then.
        message_id: the id that a call reported; None until then.
        denied_at: when a call reported that nothing was written, in seconds of the clock.
    """

    arguments: JSON
    list_id: str | None = None
    message_id: str | None = None
    denied_at: list[float] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The key to call with; empty if the tool is to generate one."""
        return str(self.arguments.get("idempotency_key", ""))


@dataclass(slots=True)
class Made:
    """The counts of one call while it runs."""

    letter: Letter | None
    requests: int = 0


_MADE: ContextVar[Made] = ContextVar("_MADE")


@dataclass(slots=True, eq=False)
class World:
    """The world of one seed.

    Attributes:
        rng: the only source of randomness.
        upstream: the simulated upstream.
        http: the HTTP client that reaches it.
        profile: the profile of it that clients use.
        bounds: the bounds of every call.
        wanted: the letters to write.
        letters: the same letters, by the keys with which they were sent.
        endings: how many calls ended in which way.
        restarts: whether processes may end, and forget.
        violations: the promises that were broken.
        log: what happened, a line each.
    """

    rng: random.Random
    upstream: MemoryUpstream
    http: httpx2.AsyncClient
    profile: Profile
    bounds: Bounds
    restarts: bool
    wanted: list[Letter] = field(default_factory=list)
    letters: dict[str, Letter] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        """Watch all requests, and start the first process."""
        self.upstream.asked = self._asked
        self.restart()

    def restart(self) -> None:
        """Start a process without memory, unless a key in use depends on the memory of this one."""
        if not self.profile.honours_idempotency_keys and any(
            letter.key and "~" not in letter.key for letter in self.wanted
        ):
            return
        upstream = Upstream(self.profile, "http://upstream.invalid/v1")
        self.client = Client(
            self.http,
            upstream,
            chance=self.rng.random,
            wall=lambda: EPOCH_S + self.upstream.now,
            monotonic=anyio.current_time,
        )

    @property
    def tells_apart(self) -> bool:
        """Whether the upstream distinguishes two messages with the same text."""
        return self.profile.honours_idempotency_keys or (
            self.profile.keeps_metadata and THREADS in self.profile.serves
        )

    def note(self, line: str) -> None:
        """Add a line to the log."""
        self.log.append(f"{anyio.current_time():9.3f} {line}")

    def broken(self, promise: str) -> None:
        """Record that a promise was broken."""
        self.note(f"BROKEN: {promise}")
        self.violations.append(promise)

    async def call(
        self, tool: Tool, arguments: JSON, cancel_s: float, letter: Letter | None = None
    ) -> tuple[Ending, Result | ToolError | None]:
        """Call a tool, check its promises, and return how it ended, and its result.

        Args:
            tool: the tool to call.
            arguments: its arguments.
            cancel_s: seconds after which the host cancels the call.
            letter: what the call is to write.
        """
        made = Made(letter)
        _MADE.set(made)
        started = anyio.current_time()
        self.note(f"{tool.name} {arguments}")
        ending: Ending = "cancelled"
        outcome: Result | ToolError | None = None
        with anyio.CancelScope(deadline=started + cancel_s):
            try:
                call = Call.begin(self.client, self.bounds)
                outcome = await tool.run(call, validated(tool, arguments))
                ending = "done"
            except ToolError as error:
                ending, outcome = error.code, error
            except Exception as error:  # noqa: BLE001 - whatever it is, the seed is to be named
                self.broken(f"{tool.name} crashed: {error!r}")
        self.note(f"{tool.name} -> {ending} {_shown(outcome)}")
        self.endings[ending] += 1
        if anyio.current_time() > started + min(cancel_s, self.bounds.deadline_s) + 1e-6:
            self.broken(f"{tool.name} ran on for {anyio.current_time() - started} s")
        if made.requests > self.bounds.requests:
            self.broken(f"{tool.name} made {made.requests} requests")
        self._check(tool, ending, outcome, letter)
        return ending, outcome

    def _check(
        self, tool: Tool, ending: Ending, outcome: Result | ToolError | None, letter: Letter | None
    ) -> None:
        if isinstance(outcome, Result):
            size = len(outcome.text) + len(compact(outcome.structured))
            if size > self.bounds.result_chars:
                self.broken(f"{tool.name} returned {size} characters")
        elif outcome is not None:
            if ending not in CODES:
                self.broken(f"{tool.name} failed with {ending}")
            if letter is not None and "nothing was" in outcome.retry:
                letter.denied_at.append(anyio.current_time())

    def rows_of(self, *letters: Letter) -> list[Row]:
        """Return the rows that were written for these letters, in all lists."""
        return [
            row
            for rows in self.upstream.lists.values()
            for row in rows
            if row.key and self.letters.get(row.key) in letters
        ]

    def _asked(self, request: httpx2.Request) -> None:
        made = _MADE.get()
        made.requests += 1
        self.note(f"  {request.method} {request.url.raw_path.decode()}")
        if made.letter is not None and request.method == "POST":
            self.letters[request.headers.get("idempotency-key", "")] = made.letter


def named(error: ToolError) -> dict[str, str]:
    """Return the arguments that an error says to call again with."""
    return dict(_NAMED.findall(error.render()))


def _shown(outcome: Result | ToolError | None) -> str:
    if isinstance(outcome, ToolError):
        return outcome.render().replace("\n", " ")
    if outcome is None:
        return ""
    items = outcome.structured.get("messages")
    brief = {**outcome.structured, "messages": len(items)} if items else outcome.structured
    return compact(brief)[:300]
