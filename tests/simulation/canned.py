"""An upstream with canned replies, and checks that every tool call must pass."""

import functools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Final, get_args

import httpx2
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import STORE, Upstream
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.tool import Bounds, Call, Result, Tool
from tests.faults.figures import sized
from tests.simulation import clock
from tests.simulation.upstream import Body

FUZZED: Final = settings(
    max_examples=sized(quick=75, long=25_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""A quarter of all examples, because four tests use it."""

HELD: Final[Counter[str]] = Counter()
"""How many calls of each tool have been checked."""

BOUNDS: Final = Bounds(result_chars=2_000, deadline_s=30, requests=10)
"""The tightest bounds, so that any result that is too long fails."""

ERROR_CHARS: Final = 2_000
"""The maximum length of an error: the smallest bound that a result can have."""

_CODES: Final = frozenset(get_args(ErrorCode)) - {"internal", "read_only"}
_KEYLESS: Final = replace(STORE, honours_idempotency_keys=False, trusts_has_more=False)
_PROFILES: Final = (STORE, _KEYLESS)

_PART: Final[JSON] = {
    "type": "text",
    "text": {"value": "hello", "annotations": [{"type": "file_path", "file_path": {}}]},
}
MESSAGE: Final[JSON] = {
    "id": "msg_1",
    "object": "thread.message",
    "created_at": 1_700_000_000,
    "role": "user",
    "content": [_PART, {"type": "image_file", "image_file": {"file_id": "file_1"}}],
    "attachments": [{"file_id": "file_2", "tools": [{"type": "file_search"}]}],
    "metadata": {"topic": "refunds"},
    "status": "completed",
}
COMPLETION: Final[JSON] = {
    "id": "chatcmpl_1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "gpt",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}}],
}
LIST: Final[JSON] = {
    "object": "list",
    "data": [MESSAGE, {**MESSAGE, "id": "msg_2", "content": "word " * 2_000}],
    "first_id": "msg_1",
    "last_id": "msg_2",
    "has_more": False,
}
ERROR: Final[JSON] = {
    "error": {"message": "No.", "type": "x", "param": None, "code": "slow_down"},
    "detail": [{"loc": ["body", "limit"], "msg": "No."}],
}
REPLIES: Final = (MESSAGE, COMPLETION, LIST, ERROR)


@dataclass(frozen=True, slots=True)
class Canned:
    """One reply: its status, headers and body."""

    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = json.dumps(LIST).encode()


@dataclass(slots=True)
class CannedUpstream(httpx2.AsyncBaseTransport):
    """Answers any requests with the given replies, in a cycle."""

    replies: Sequence[Canned]
    asked: int = 0
    _next: "cycle[Canned]" = field(init=False)

    def __post_init__(self) -> None:
        self._next = cycle(self.replies)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.asked += 1
        canned = next(self._next)
        return httpx2.Response(
            canned.status, headers=list(canned.headers), stream=Body(canned.body)
        )


def hold(tool: Tool, arguments: Mapping[str, object], *replies: Canned) -> None:
    """Call a tool on an upstream that honours keys and on one that does not, and check the results.

    Raises:
        AssertionError: a promise was broken. Any other exception is a fault of the tool.
    """
    HELD[tool.name] += 1
    for profile in _PROFILES:
        transport = CannedUpstream(replies)
        outcome = clock.run(_outcome(tool, arguments, transport, Upstream(profile, "http://u/v1")))
        assert transport.asked <= BOUNDS.requests
        if isinstance(outcome, ToolError):
            assert outcome.code in _CODES
            assert len(outcome.render()) <= ERROR_CHARS
            continue
        assert len(outcome.text) + len(compact(outcome.structured)) <= BOUNDS.result_chars
        assert not list(_output(tool).iter_errors(outcome.structured))


async def _outcome(
    tool: Tool, arguments: Mapping[str, object], transport: CannedUpstream, upstream: Upstream
) -> Result | ToolError:
    async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None) as http:
        call = Call.begin(Client(http, upstream, chance=lambda: 0.5), BOUNDS)
        try:
            return await tool.run(call, validated(tool, arguments))
        except ToolError as error:
            return error


@functools.cache
def _output(tool: Tool) -> Validator:
    return Draft202012Validator(dict(tool.output_schema))
