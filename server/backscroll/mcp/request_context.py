"""On what terms one request is served: what is allowed, whose upstream it is, who takes note."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from backscroll.settings.model import Settings
from backscroll_tools.client.client import Client
from backscroll_tools.client.tally import Tally


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call that has ended.

    Attributes:
        tool: the tool's name; empty where there is no such tool.
        arguments: as they were passed, of which message text must not be noted anywhere.
        outcome: `ok`, the code of the error, `unknown_tool`, or `cancelled` where nobody waited
            for the end.
        seconds: how long it took.
        made: the ids of what it wrote, by name.
        stopped_by: why its page ended, where it returned one.
        tally: what it cost the upstream.
    """

    tool: str
    arguments: Mapping[str, object]
    outcome: str
    seconds: float
    made: Mapping[str, str] = field(default_factory=dict)
    stopped_by: str = ""
    tally: Tally = field(default_factory=Tally)


def _not_noted(_: Called) -> None:
    return


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What a request may do.

    Attributes:
        settings: what the operator allows, narrowed to what the caller may and wants to do.
        client: returns the client for the caller's part of the upstream.
        request_id: what the request is called in the log; empty on stdio.
        refused: why the arguments of a call cannot be trusted, where they cannot.
        note: told of each call when it has ended.
        arguments: of a call, where the transport kept them to itself, since the SDK would parse
            them again; none where they are with the call.
    """

    settings: Settings
    client: Callable[[], Awaitable[Client]]
    request_id: str = ""
    refused: str = ""
    note: Callable[[Called], None] = _not_noted
    arguments: Mapping[str, object] | None = None
