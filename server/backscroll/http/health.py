"""Answers health checks: whether the process is alive, and whether it can serve requests."""

import asyncio
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
"""The time limit for checking the databases and the upstream, in seconds."""

KEEP_S: Final = 1.0
"""The time for which a result is reused, in seconds. It limits how often the upstream is asked."""


class Health:
    """Answers the health checks of a load balancer.

    Args:
        client: the client that checks the upstream. It is not used for anything else.
        stop: is set when the process shuts down. This also ends a check that is in progress.
        checks: functions that check the databases. A function raises `NothingWrittenError` if its
            database fails.
        clock: returns the time in seconds.
        answer_s: the time limit for checking the databases and the upstream, in seconds.
        keep_s: the time for which a result is reused, in seconds.
    """

    def __init__(  # noqa: PLR0913 - tests set the clock and the times
        self,
        client: Client,
        stop: asyncio.Event,
        checks: Sequence[Callable[[], Awaitable[None]]] = (),
        clock: Callable[[], float] = time.monotonic,
        *,
        answer_s: float = ANSWER_S,
        keep_s: float = KEEP_S,
    ) -> None:
        self._client = client
        self._stop = stop
        self._clock = clock
        self._answer_s = answer_s
        self._keep_s = keep_s
        self._lock = anyio.Lock()
        self._checks = checks
        self._problem = ""
        self._stale_at = float("-inf")

    async def alive(self, _: Request) -> Response:
        """Reply with 200: the process is alive."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """Reply with 200 if this process can serve requests, otherwise with 503.

        It cannot serve requests if the upstream or a database fails, or if a shutdown has begun.

        Anyone may send this request, so the reply never contains the address of the upstream or of
        a database.
        """
        if not self._stop.is_set():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._cancel_at_shutdown, tasks.cancel_scope)
                async with self._lock:
                    if self._clock() >= self._stale_at:
                        self._problem = await self._check()
                        self._stale_at = self._clock() + self._keep_s
                tasks.cancel_scope.cancel()
        if self._stop.is_set():
            return _unavailable("stopping")
        return _unavailable(self._problem) if self._problem else JSONResponse({"status": "ready"})

    async def _cancel_at_shutdown(self, check: anyio.CancelScope) -> None:
        await self._stop.wait()
        check.cancel()

    async def _check(self) -> str:
        """Return the problem that prevents serving requests, or an empty string."""
        problem = "no database"
        with anyio.move_on_after(self._answer_s):
            try:
                for check in self._checks:
                    await check()
            except DatabaseFailedError as error:
                return f"{problem}: {error.sentence}"
            except (NothingWrittenError, SQLAlchemyError):
                return problem
            problem = "no upstream"
            if await self._upstream_answers():
                problem = ""
        return problem

    async def _upstream_answers(self) -> bool:
        try:
            await CallClient(self._client).send(_cheap_request(self._client.upstream.profile))
        except ToolError as error:
            silent = isinstance(error, UnreachableError)
            return not silent and error.code != "upstream_unavailable"
        return True


def _cheap_request(profile: Profile) -> UpstreamRequest:
    """Return a request that the upstream answers fast and that does not change anything."""
    served = [group for group in GROUPS.values() if group in profile.serves]
    # Prefer a group whose objects can be listed, because for a group without a list, `probe` asks
    # for an id that does not exist. Among several such groups, prefer a group whose endpoint needs
    # no version header.
    return requests.probe(min(served, key=lambda group: (group.names_made_up, bool(group.headers))))


def _unavailable(status: str) -> Response:
    return JSONResponse({"status": status}, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})
