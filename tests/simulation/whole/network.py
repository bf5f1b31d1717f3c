"""The network between the servers and the store, in which requests and replies get lost."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import httpx2

from tests.simulation.upstream import Body
from tests.simulation.whole.faults import Fault, Plan
from tests.simulation.whole.store import Reply, Store

Seen: TypeAlias = Literal["unsent", "refused", "answered", "unknown"]
"""What the sender of a request knows about it: it was not sent, it was refused, it was carried out,
or none of these."""

_RESETS: Final = (httpx2.ReadError, httpx2.RemoteProtocolError)
_REFUSED: Final = frozenset({400, 404, 408, 409, 422, 425, 429})


@dataclass(slots=True, eq=False)
class Network:
    """Carries requests to the store, and does to each what the plan says.

    Attributes:
        seed: the seed.
        plan: what happens to each request.
        store: the store.
        note: adds a line to the log.
        fired: the faults that have happened so far.
        seen: what the senders of writes know about each, by idempotency key.
        requests: how many requests each host's servers have sent.
    """

    seed: int
    plan: Plan
    store: Store
    note: Callable[[str], None]
    fired: list[Fault] = field(default_factory=list)
    seen: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    requests: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def settled(self) -> None:
        """Wait until every late request has arrived."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def next_fault(self, host: str) -> tuple[random.Random, Fault | None]:
        """Return a random generator for the next request of a host, and its fault."""
        number = self.requests[host]
        self.requests[host] += 1
        fault = self.plan.of(host, number)
        if fault is not None:
            self.fired.append(fault)
            self.note(f"    fault {fault}")
        return random.Random(f"{self.seed} way {host} {number}"), fault

    def arrive_later(self, request: httpx2.Request, body: bytes, seconds: float) -> None:
        """Let a request arrive after some time, although nobody waits for its reply."""
        task = asyncio.get_running_loop().create_task(self._late(request, body, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _late(self, request: httpx2.Request, body: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        future = self._arrived(request, body)
        if future is not None:
            await future

    async def reply(self, request: httpx2.Request, body: bytes) -> Reply:
        """Let a request arrive, and return the reply.

        Raises:
            httpx2.TransportError: the store's process does not run, or is killed before its reply.
        """
        future = self._arrived(request, body)
        if future is None:
            message = "refused"
            raise httpx2.ConnectError(message, request=request)
        reply = await asyncio.shield(future)
        if reply is None:
            message = "killed"
            raise httpx2.ReadError(message, request=request)
        return reply

    def _arrived(self, request: httpx2.Request, body: bytes) -> asyncio.Future[Reply | None] | None:
        process = self.store.process
        if process is None:
            return None
        headers = request.headers.raw
        return process.arrive(
            httpx2.Request(request.method, request.url, headers=headers, content=body)
        )


@dataclass(slots=True, eq=False)
class Way(httpx2.AsyncBaseTransport):
    """The way of one server's requests to the store.

    Attributes:
        network: the network.
        host: the name of the server's host.
        end: kills the server, after so many seconds.
        set_clock: sets the wall clock of the server's machine.
        is_open: whether the server still runs.
    """

    network: Network
    host: str
    end: Callable[[float], None]
    set_clock: Callable[[float], None]
    is_open: bool = True

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self.is_open:
            await asyncio.get_running_loop().create_future()
        body = await request.aread()
        network = self.network
        rng, fault = network.next_fault(self.host)
        network.note(f"    {self.host} {request.method} {request.url.path}")
        key = request.headers.get("idempotency-key", "")
        seen: Seen = "unknown"
        try:
            await asyncio.sleep(rng.random() * 0.1)
            response = await self._sent(request, body, rng, fault)
            if response.status_code == httpx2.codes.OK and (not fault or fault.kind != "cut"):
                seen = "answered"
            elif response.status_code in _REFUSED:
                seen = "refused"
        except httpx2.ConnectError:
            seen = "unsent"
            raise
        else:
            return response
        finally:
            network.seen[key].append(seen)

    async def _sent(
        self, request: httpx2.Request, body: bytes, rng: random.Random, fault: Fault | None
    ) -> httpx2.Response:
        """Send a request, and return what the server gets."""
        if fault is None:
            reply = await self.network.reply(request, body)
            await asyncio.sleep(rng.random() * 0.1)
            return _response(reply)
        reset = rng.choice(_RESETS)(fault.kind, request=request)
        instead = await self._on_the_way(request, body, fault, reset)
        if instead is not None:
            return instead
        reply = await self.network.reply(request, body)
        await asyncio.sleep(rng.random() * 0.1)
        return await _on_the_way_back(reply, fault, reset)

    async def _on_the_way(
        self, request: httpx2.Request, body: bytes, fault: Fault, reset: httpx2.TransportError
    ) -> httpx2.Response | None:
        """Do what happens to a request before it arrives.

        Returns:
            The reply, if it does not arrive now.
        """
        network, value = self.network, fault.value
        match fault.kind:
            case "unsent":
                raise httpx2.ConnectError(fault.kind, request=request)
            case "refused":
                return _failure(int(value), {"Retry-After": "1"})
            case "lost":
                await asyncio.sleep(value)
                raise reset
            case "late":
                network.arrive_later(request, body, value)
                raise reset
            case "given_up":
                network.arrive_later(request, body, value)
                return _failure(504)
            case "twice" if network.store.process is not None:
                network.arrive_later(request, body, value)
            case "slow":
                await asyncio.sleep(value)
            case _:
                self._happen(fault)
        return None

    def _happen(self, fault: Fault) -> None:
        """Do what happens to a machine or a process instead of the request itself."""
        store = self.network.store
        match fault.kind:
            case "kill" if store.process is not None:
                store.process.kill_at(int(fault.value))
            case "end":
                self.end(fault.value)
            case "clock":
                store.set_s += fault.value
            case "host_clock":
                self.set_clock(fault.value)


async def _on_the_way_back(
    reply: Reply, fault: Fault, reset: httpx2.TransportError
) -> httpx2.Response:
    """Do what happens to a reply, and return what the sender gets."""
    match fault.kind:
        case "unread":
            await asyncio.sleep(fault.value)
            raise reset
        case "silent":
            await asyncio.get_running_loop().create_future()
        case "failed":
            return _failure(int(fault.value))
        case "cut":
            return _response(reply, fault.value / 100)
    return _response(reply)


def _response(reply: Reply, share: float = 1.0) -> httpx2.Response:
    """Return a response that breaks off after a share of its body, unless that is all of it."""
    status, headers, content = reply
    stream = Body(content[: int(len(content) * share)], breaks=share < 1)
    return httpx2.Response(status, headers=_unsized(headers), stream=stream)


def _unsized(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() != b"content-length"]


def _failure(status: int, headers: dict[str, str] | None = None) -> httpx2.Response:
    content = b'{"error": {"message": "It failed.", "type": "x", "param": null, "code": null}}'
    return httpx2.Response(status, headers=headers, stream=Body(content))
