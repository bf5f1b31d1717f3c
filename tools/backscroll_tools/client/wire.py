"""One request on the wire, and what can be told of it where no answer comes."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from backscroll_tools.client.bodies import ACCEPTED, read_body
from backscroll_tools.client.failures import Fate
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.client.requests import Request


@dataclass(slots=True)
class Exchange:
    """A request under way to an upstream, once.

    Attributes:
        upstream: where it goes.
        request: what goes there.
        sent: whether the request may have arrived whole. In process there is no connection to
            watch: there it may have from the start.
        answered: whether a whole reply came.
    """

    upstream: Upstream
    request: Request
    sent: bool = True
    answered: bool = False

    @property
    def fate(self) -> Fate:
        """What is known of the request while no reply has come."""
        return "unknown" if self.sent else "unsent"

    async def reply(
        self, http: httpx2.AsyncClient, credential: list[Header], most: int
    ) -> tuple[int, httpx2.Headers, bytes]:
        """Send the request, and return the reply's status, headers and unpacked body.

        Args:
            http: the connections.
            credential: the header that names the caller, if any.
            most: bytes of the unpacked body.

        Raises:
            httpx2.HTTPError: no whole reply came.
            BodyTooLargeError: its body has more bytes than `most`.
            BodyUnreadableError: its body is packed otherwise than asked for, or damaged.
        """
        profile, request = self.upstream.profile, self.request
        query = (*profile.queries.get(request.group, ()), *request.query)
        async with http.stream(
            request.method,
            self.upstream.base_url + profile.prefixes.get(request.group, "") + request.path,
            params=list(query),
            headers=[*self.upstream.headers, *request.headers, *credential, ACCEPTED],
            json=request.body,
            extensions={"trace": self._note},
        ) as response:
            body = await read_body(response, most)
            self.answered = True
            return response.status_code, response.headers, body

    async def _note(self, event: str, info: Mapping[str, object]) -> None:
        """Note how far the request got: an event of httpcore2's `trace` extension."""
        _, _, step = event.partition(".")
        if step == "connect_tcp.started":
            self.sent = False
        elif step == "send_request_headers.started":
            self.sent = True
        elif step in {"send_request_headers.failed", "send_request_body.failed"}:
            # What could not be written never left, and without it the request is not whole.
            self.sent = type(info.get("exception")).__name__ != "WriteError"
