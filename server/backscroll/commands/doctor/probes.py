"""Harmless requests, one for each group of endpoints that the upstream should serve."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import anyio

from backscroll.commands.doctor.causes import NO_KEY, cause_of
from backscroll.commands.doctor.diagnosis import Check
from backscroll_tools.client import requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.failures import NO_ANSWER, UnreachableError
from backscroll_tools.client.profiles import Serves
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError

PROBE_S: Final = 10.0
"""How many seconds an upstream has to answer one request."""

_ONE: Final = Slice(1, "desc")
_THREAD: Final = f"thread_{'0' * 24}"
_MESSAGE: Final = f"msg_{'0' * 24}"
_CONVERSATION: Final = f"conv_{'0' * 48}"


@dataclass(frozen=True, slots=True)
class Probe:
    """One request that reads, and changes nothing.

    Attributes:
        name: of what it asks for.
        request: the request.
        made_up: whether it names what cannot be there, since the group has no list: that the
            upstream misses it then is the answer that is hoped for.
    """

    name: str
    request: Request
    made_up: bool = False


PROBES: Final[Mapping[Serves, Probe]] = {
    "threads": Probe("threads", requests.list_messages(_THREAD, _ONE), made_up=True),
    "list_threads": Probe("list of threads", requests.list_threads(_ONE)),
    "message_files": Probe(
        "files of a message", requests.list_message_files(_THREAD, _MESSAGE, _ONE), made_up=True
    ),
    "conversations": Probe("conversations", requests.list_items(_CONVERSATION, _ONE), made_up=True),
    "chat_completions": Probe("stored completions", requests.list_chat_completions(_ONE)),
}


async def probe_all(
    client: Client, limit_s: float = PROBE_S, *, keys_are_callers: bool = False
) -> dict[Serves, Check]:
    """Return how each group of endpoints answers that the upstream should serve, asked at once.

    Args:
        client: of the upstream.
        limit_s: how many seconds each has to answer.
        keys_are_callers: whether callers may bring keys, so that it is well if one is wanted.
    """
    found: dict[Serves, Check] = {}

    async def ask(group: Serves, probe: Probe) -> None:
        check = await _asked(client, probe, limit_s)
        wants_key = check.next_step == NO_KEY[1]
        found[group] = _untried(check) if wants_key and keys_are_callers else check

    served = [group for group in PROBES if group in client.upstream.profile.serves]
    async with anyio.create_task_group() as tasks:
        for group in served:
            tasks.start_soon(ask, group, PROBES[group])
    return {group: found[group] for group in served}


async def _asked(client: Client, probe: Probe, limit_s: float) -> Check:
    start = time.perf_counter()
    try:
        with anyio.fail_after(limit_s):
            await client.send(probe.request)
        check = Check(probe.name, "ok", "answered")
    except TimeoutError:
        check = _unanswered(probe, limit_s)
    except ToolError as error:
        if isinstance(error, UnreachableError) and error.kind == NO_ANSWER:
            check = _unanswered(probe, limit_s)
        else:
            check = _failed(probe, error, with_key=client.upstream.credential is not None)
    return replace(check, ms=round((time.perf_counter() - start) * 1000))


def _untried(check: Check) -> Check:
    return replace(
        check,
        verdict="unclear",
        detail="answered that it wants a key; what callers' own keys may do was not tried",
        next_step="Try it with one: BACKSCROLL_API_KEY=… backscroll doctor",
    )


def _unanswered(probe: Probe, limit_s: float) -> Check:
    return Check(
        probe.name,
        "failed",
        f"no answer within {limit_s:g} s",
        next_step="Check BACKSCROLL_BASE_URL, the network, and whether the upstream is busy.",
    )


def _failed(probe: Probe, error: ToolError, *, with_key: bool) -> Check:
    detail, next_step = cause_of(error, with_key=with_key)
    if probe.made_up and error.code == "not_found":
        return Check(probe.name, "ok", "answered that a made-up id is not there")
    if error.code == "upstream_retired":
        return Check(probe.name, "absent", detail, next_step=next_step)
    answered = not isinstance(error, UnreachableError)
    if probe.made_up and answered and error.code in {"invalid_arguments", "upstream_unavailable"}:
        return Check(
            probe.name,
            "unclear",
            f"{detail}, for an id that is made up",
            next_step="Try an id of yours: backscroll call list-messages thread_id=…",
        )
    return Check(probe.name, "failed", detail, next_step=next_step)
