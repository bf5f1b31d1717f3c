"""Sends a request once: waits for a slot, sends within a time limit, and reads the reply."""

from typing import Final

import anyio
import anyio.to_thread
from opentelemetry.trace import SpanKind

from backscroll_tools.client import failures, replies, retry, statuses
from backscroll_tools.client.abridging import abridged, may_be_abridged
from backscroll_tools.client.belonging import belongs
from backscroll_tools.client.client import Client
from backscroll_tools.client.exchange import Exchange, Http
from backscroll_tools.client.failures import ExchangeError
from backscroll_tools.client.profiles import Header
from backscroll_tools.client.requests import Request
from backscroll_tools.models import JSON
from backscroll_tools.spans import span

_LONG: Final = 1024 * 1024
"""The minimum size of a body that is decoded in a worker thread, in bytes."""


async def answered(client: Client, exchange: Exchange, attempt: int, ends_at: float) -> JSON:
    """Send a request once, and return the JSON object of the reply.

    Args:
        client: provides the connections, the slots and the clock.
        exchange: the exchange, with a request that has not been sent. The reply is stored in it.
        attempt: 1 for the first attempt of the request, 2 for the second, and so on.
        ends_at: the call's deadline, in seconds of `anyio.current_time`.

    Raises:
        ExchangeError: the attempt failed.
    """
    credential = await _credential(client, exchange.request)
    http, slot = client.route(exchange.request)
    async with slot:
        with anyio.move_on_after(_patience_s(client, exchange.request, attempt, ends_at)):
            await _exchanged(client, http, exchange, credential, attempt)
    if exchange.reply is None:
        raise failures.unreachable(failures.NO_ANSWER, exchange.fate)
    status, headers, body = exchange.reply
    request = exchange.request
    if statuses.is_success(request.method, status, has_body=not request.is_keyed):
        if request.is_content:
            return replies.content(body, headers.get("content-type", ""))
        return await _object(exchange, body)
    key = credential[0][1].split(" ")[-1] if credential else ""
    profile, now = client.upstream.profile, client.clock.now_s()
    raise failures.failure(
        profile, status, headers, body, key, now=now, endpoint=request.endpoint, group=request.group
    )


async def _exchanged(
    client: Client, http: Http, exchange: Exchange, credential: list[Header], attempt: int
) -> None:
    request = exchange.request
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "http.request.resend_count": attempt - 1,
        "backscroll.upstream": client.upstream.profile.name,
    }
    requested_at = client.clock.monotonic()
    with span(f"{request.method} {request.group}", attributes, SpanKind.CLIENT) as recorded:
        await exchange.run(http, credential, client.reply_bytes)
        if exchange.reply is None:
            return
        status, headers, body = exchange.reply
        client.clock.note(headers, requested_at)
        if recorded.is_recording():
            recorded.set_attribute("http.response.status_code", status)
            recorded.set_attribute("http.response.body.size", len(body))


def _patience_s(client: Client, request: Request, attempt: int, ends_at: float) -> float:
    """Return the maximum duration of an attempt, in seconds."""
    left_s = min(ends_at, anyio.current_effective_deadline()) - anyio.current_time()
    once = not request.repeatable and not client.upstream.profile.honours_idempotency_keys
    return retry.patience_s(1 if once else attempt, left_s)


async def _object(exchange: Exchange, body: bytes) -> JSON:
    """Return the object of a successful reply.

    Raises:
        ExchangeError: the reply is not an object, or belongs to another request.
    """
    in_process = exchange.upstream.in_process
    request = exchange.request
    if request.is_keyed or (request.method == "DELETE" and not body):
        return {}
    try:
        reply = await _decoded(body, exchange.request, in_process=in_process)
        # Only over a network can a request receive the reply to another request.
        if not in_process and not belongs(reply, exchange.request):
            raise failures.unrelated()
    except ExchangeError:
        await exchange.end_connection()
        raise
    return reply


async def _decoded(body: bytes, request: Request, *, in_process: bool) -> JSON:
    def decode() -> JSON:
        is_array = not request.dialect.rows
        reply = replies.decode(body, in_process=in_process, is_array=is_array)
        shortens = request.preview is not None and may_be_abridged(body)
        return abridged(reply) if shortens else reply

    if len(body) < _LONG:
        return decode()
    # Decoding megabytes may take seconds. In a thread, it does not delay other calls, and it can be
    # abandoned at the deadline.
    return await anyio.to_thread.run_sync(decode, abandon_on_cancel=True)


async def _credential(client: Client, request: Request) -> list[Header]:
    """Return the header that authenticates a request.

    Raises:
        ToolError: `forbidden` if the request needs an admin key and the upstream has no such key.
    """
    if request.group.needs_admin_key:
        if not client.upstream.admin_key:
            raise failures.without_admin_key()
        return [("Authorization", f"Bearer {client.upstream.admin_key}")]
    credential = client.upstream.credential
    return [] if credential is None else [await credential()]
