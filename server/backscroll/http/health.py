"""Whether the process is alive, and whether it can serve."""

import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

import anyio
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backscroll.database.faults import DatabaseFailedError, NothingWrittenError
from backscroll_tools.client import requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.failures import UnreachableError
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.requests import Request as UpstreamRequest
from backscroll_tools.errors import ToolError

ANSWER_S: Final = 2.0
"""How many seconds the databases and the upstream have to answer."""

KEEP_S: Final = 1.0
"""For how many seconds a result is reused, so that health checks do not load the upstream."""


class Health:
    """Answers the health checks of a load balancer.

    Args:
        client: asks the upstream, and is used for nothing else.
        stopping: whether the process is shutting down.
        checks: each raises `NothingWrittenError` while a database of this process fails.
        clock: returns the time in seconds.
        answer_s: how many seconds the databases and the upstream have to answer.
        keep_s: for how many seconds a result is reused.
    """

    def __init__(  # noqa: PLR0913 - its seams: what is asked, and time
        self,
        client: Client,
        stopping: Callable[[], bool],
        checks: Sequence[Callable[[], Awaitable[None]]] = (),
        clock: Callable[[], float] = time.monotonic,
        *,
        answer_s: float = ANSWER_S,
        keep_s: float = KEEP_S,
    ) -> None:
        self._client = client
        self._stopping = stopping
        self._clock = clock
        self._answer_s = answer_s
        self._keep_s = keep_s
        self._asking = anyio.Lock()
        self._checks = checks
        self._lacks = ""
        self._stale_at = float("-inf")

    async def alive(self, _: Request) -> Response:
        """Answer 200."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """Answer 200, or 503 if the upstream or a database fails or the process is shutting down.

        The reply never says where the upstream or a database is, because anyone may ask.
        """
        if self._stopping():
            return _unavailable("stopping")
        async with self._asking:
            if self._clock() >= self._stale_at:
                self._lacks = await self._lacking()
                self._stale_at = self._clock() + self._keep_s
        return _unavailable(self._lacks) if self._lacks else JSONResponse({"status": "ready"})

    async def _lacking(self) -> str:
        """Return what keeps this process from serving; empty if nothing does."""
        lacks = "no database"
        with anyio.move_on_after(self._answer_s):
            try:
                for check in self._checks:
                    await check()
            except DatabaseFailedError as error:
                return f"{lacks}: {error.sentence}"
            except (NothingWrittenError, SQLAlchemyError):
                return lacks
            lacks = "no upstream"
            if await self._answers():
                lacks = ""
        return lacks

    async def _answers(self) -> bool:
        try:
            await CallClient(self._client).send(_cheap_request(self._client.upstream.profile))
        except ToolError as error:
            silent = isinstance(error, UnreachableError)
            return not silent and error.code != "upstream_unavailable"
        return True


def _cheap_request(profile: Profile) -> UpstreamRequest:
    """Return a request that the upstream serves cheaply, and that changes nothing."""
    served = [group for group in GROUPS.values() if group in profile.serves]
    # A real list is better than a made-up id, and a path that no version header selects is too.
    return requests.probe(min(served, key=lambda group: (group.names_made_up, bool(group.headers))))


def _unavailable(status: str) -> Response:
    return JSONResponse({"status": status}, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})
