"""The context of a request: its settings, its upstream client, and how its call is recorded."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct, field

from backscroll.settings.model import Settings
from backscroll_tools.client.client import Client
from backscroll_tools.client.tally import Tally


class Called(Struct, frozen=True):
    """A tool call that has ended.

    Attributes:
        tool: the tool's name; empty if there is no such tool.
        arguments: the arguments of the call. They may contain message text, which must not be
            logged.
        outcome: `ok`, the code of an error, `unknown_tool`, or `cancelled` if the client cancelled
            the call.
        seconds: the duration of the call.
        written_ids: the ids of the objects that the call wrote. The keys are `thread_id` and
            `message_id`.
        stopped_by: the reason why the page ended; empty if the call returned no page.
        tally: counts the requests to the upstream, their retries, and the bytes of the replies.
    """

    tool: str
    arguments: Mapping[str, object]
    outcome: str
    seconds: float
    written_ids: Mapping[str, str] = field(default_factory=dict)
    stopped_by: str = ""
    tally: Tally = field(default_factory=Tally)


def _not_recorded(_: Called) -> None:
    return


class RequestContext(Struct, frozen=True):
    """The context of a request.

    Attributes:
        settings: the operator's settings, restricted by the caller's permissions and by the URL of
            the request.
        client: returns the caller's upstream client.
        request_id: the id of the request in the log; empty on stdio.
        refused: why the transport refused the arguments of a call; empty if it did not refuse them.
        record: is called with each tool call after the call has ended.
        arguments: the arguments of a call whose message is large; otherwise None. The transport
            removes these arguments from the message, so that the SDK does not parse them again.
    """

    settings: Settings
    client: Callable[[], Awaitable[Client]]
    request_id: str = ""
    refused: str = ""
    record: Callable[[Called], None] = _not_recorded
    arguments: Mapping[str, object] | None = None
