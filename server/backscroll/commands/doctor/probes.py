"""Sends one read-only request to each endpoint group that the upstream should serve."""

import time
from collections.abc import Collection
from typing import Final

import anyio
from msgspec.structs import replace

from backscroll.commands.doctor.causes import NO_KEY, cause_of
from backscroll.commands.doctor.diagnosis import Check
from backscroll_tools.client import completion_requests, requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.failures import NO_ANSWER, UnreachableError
from backscroll_tools.client.groups import (
    CHAT_COMPLETIONS,
    GROUPS,
    INTERACTIONS,
    RESPONSES,
    THREADS,
    Group,
)
from backscroll_tools.client.requests import Slice
from backscroll_tools.errors import ToolError

PROBE_S: Final = 10.0
"""The time limit for each request, in seconds."""

SINGLE_MESSAGES: Final = "single messages are not served, so get-message searches the list"
COMPLETION_MESSAGES: Final = (
    "messages of completions are not served, so get-chat-messages reads the completion itself"
)
_PARTS: Final = {
    THREADS: (requests.retrieve_message("thread_0", "msg_0"), SINGLE_MESSAGES),
    CHAT_COMPLETIONS: (
        completion_requests.list_chat_messages("chatcmpl-0", Slice(1, "asc")),
        COMPLETION_MESSAGES,
    ),
}
"""Some upstreams lack an endpoint of a group. For each such group: a request to that endpoint, and
the text to show if the endpoint is missing."""

_READER: Final = "list-messages thread_id=…"
"""The call that reads an object of a group, except the groups in `_READERS`."""

_READERS: Final = dict.fromkeys((INTERACTIONS, RESPONSES), "get-chat-messages completion_id=…")


async def probe_all(
    client: Client,
    limit_s: float = PROBE_S,
    *,
    callers_have_keys: bool = False,
    unneeded: Collection[Group] = (),
) -> dict[Group, Check]:
    """Check every endpoint group that the upstream should serve, all at the same time.

    Args:
        client: a client of the upstream.
        limit_s: the time limit for each request, in seconds.
        callers_have_keys: whether callers can have their own keys. If they can, and the upstream
            requires a key that the operator has not set, the check is `unclear`, not `failed`.
        unneeded: groups that are not checked, because no tool that the server offers needs them.
    """
    found: dict[Group, Check] = {}

    async def ask(group: Group) -> None:
        check = await _probe(client, group, limit_s)
        if check.verdict in {"ok", "unclear"} and await _lacks_part(client, group, limit_s):
            check = replace(check, detail=f"{check.detail}; {_PARTS[group][1]}")
        requires_key = check.next_step == NO_KEY[1]
        found[group] = _untested(check) if requires_key and callers_have_keys else check

    served = [
        group
        for group in GROUPS.values()
        if group in client.upstream.profile.serves and group not in unneeded
    ]
    async with anyio.create_task_group() as tasks:
        for group in served:
            tasks.start_soon(ask, group)
    return {group: found[group] for group in served}


async def _probe(client: Client, group: Group, limit_s: float) -> Check:
    start = time.perf_counter()
    try:
        with anyio.fail_after(limit_s):
            await CallClient(client).send(requests.probe(group))
        check = Check(group.words, "ok", "answered")
    except TimeoutError:
        check = _unanswered(group, limit_s)
    except ToolError as error:
        if isinstance(error, UnreachableError) and error.kind == NO_ANSWER:
            check = _unanswered(group, limit_s)
        else:
            check = _failed(group, error, with_key=client.upstream.credential is not None)
    return replace(check, ms=round((time.perf_counter() - start) * 1000))


async def _lacks_part(client: Client, group: Group, limit_s: float) -> bool:
    """Return whether the upstream serves a group, but without the endpoint that `_PARTS` names.

    If the profile says that every listed object can be retrieved by its id, no request is sent.
    """
    if group not in _PARTS or client.upstream.profile.retrieves_listed_ids:
        return False
    with anyio.move_on_after(limit_s):
        try:
            await CallClient(client).send(_PARTS[group][0])
        except ToolError as error:
            return error.code == "upstream_retired"
    return False


def _untested(check: Check) -> Check:
    return replace(
        check,
        verdict="unclear",
        detail="requires a key; callers' own keys were not tested",
        next_step="Test with a key: BACKSCROLL_API_KEY=… backscroll doctor",
    )


def _unanswered(group: Group, limit_s: float) -> Check:
    return Check(
        group.words,
        "failed",
        f"no answer within {limit_s:g} s",
        next_step="Check BACKSCROLL_BASE_URL, the network, and whether the upstream is busy.",
    )


def _failed(group: Group, error: ToolError, *, with_key: bool) -> Check:
    detail, next_step = cause_of(error, with_key=with_key)
    if group.names_made_up and error.code == "not_found":
        return Check(group.words, "ok", "answered that a made-up id does not exist")
    if error.code == "upstream_retired":
        return Check(group.words, "absent", detail, next_step=next_step)
    answered = not isinstance(error, UnreachableError)
    if (
        group.names_made_up
        and answered
        and error.code in {"invalid_arguments", "upstream_unavailable"}
    ):
        return Check(
            group.words,
            "unclear",
            f"{detail}, for a made-up id",
            next_step=f"Try an existing id: backscroll call {_READERS.get(group, _READER)}",
        )
    return Check(group.words, "failed", detail, next_step=next_step)
