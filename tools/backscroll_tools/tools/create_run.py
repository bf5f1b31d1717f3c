"""`create-run`: starts a run of an assistant in a thread, exactly once."""

from typing import Final

import anyio

from backscroll_tools import schemas
from backscroll_tools.client import replies, run_requests
from backscroll_tools.client.failures import outcome_unknown
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.run_results import run_result
from backscroll_tools.tool import ADDS, Call, Result, Tool
from backscroll_tools.toolset import RUNS
from backscroll_tools.writes import keys
from backscroll_tools.writes.journal import Record, journal_of
from backscroll_tools.writes.keys import IdempotencyKey
from backscroll_tools.writes.runs import OneRun

_SENT: Final = (
    "assistant_id",
    "model",
    "instructions",
    "additional_instructions",
    "metadata",
)
_PAIRS: Final = schemas.METADATA_PAIRS - 1
"""The maximum number of metadata pairs that a call may pass. One pair is left for `once.MARKER`."""


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id: str = arguments["thread_id"]
    body: JSON = {name: arguments[name] for name in _SENT if name in arguments}
    if len(arguments.get("metadata", {})) > _PAIRS:
        raise invalid_arguments(
            f"metadata may have at most {_PAIRS} pairs, because one more marks the run.",
            "Use fewer pairs.",
        )
    argument = arguments.get("idempotency_key")
    honoured = call.client.upstream.profile.honours_idempotency_keys
    if argument is None:
        key = IdempotencyKey(keys.mint())
    else:
        key = IdempotencyKey(argument, given=True) if honoured else keys.read(argument)
    record = Record(key, call.client.shared.clock.monotonic())
    write = OneRun(call.client, journal_of(call.client.shared), thread_id, body, record)
    created: JSON | None = None
    try:
        with anyio.CancelScope(deadline=call.ends_at):
            created = await (_sent(call, thread_id, body, key) if honoured else write.written())
    except ToolError as error:
        raise _of_run(error, write.key) from None
    if created is None:
        doubtful = call.client.in_doubt if honoured else write.doubtful()
        raise _of_run(outcome_unknown(str(write.key)) if doubtful else _too_late(), write.key)
    done = run_result("Started", thread_id, created["id"], created)
    return Result(
        f"{done.text} To repeat this call safely: idempotency_key {write.key}",
        {**done.structured, "idempotency_key": str(write.key)},
    )


async def _sent(call: Call, thread_id: str, body: JSON, key: IdempotencyKey) -> JSON:
    """Start the run on an upstream that honours idempotency keys, and return it."""
    request = run_requests.create_run(thread_id, body, str(key))
    try:
        return replies.created(await call.client.send(request))
    except ToolError as error:
        if error.code == "upstream_invalid":
            raise outcome_unknown(str(key)) from None
        raise


def _of_run(error: ToolError, key: IdempotencyKey) -> ToolError:
    """Return a copy of the error whose texts are about a run, not about a message.

    If the caller passed the key, `next_step` says to pass the key again, except after
    `invalid_arguments`.
    """
    message, next_step = error.message, error.next_step
    if error.code == "outcome_unknown":
        message = "The upstream's reply was lost: the run may have been started."
        next_step = next_step.replace("create-message", "create-run")
    elif error.code != "invalid_arguments" and key.given:
        next_step = f'{next_step} When you repeat the call, pass idempotency_key "{key}".'
    return ToolError(
        error.code, message, next_step=next_step, retry=error.retry, shown_by=error.shown_by
    )


def _too_late() -> ToolError:
    return ToolError(
        "deadline_exceeded",
        "The upstream did not answer within the call's time limit.",
        next_step="Call again.",
    )


CREATE_RUN: Final = Tool(
    name="create-run",
    title="Create run",
    summary="starts a run of an assistant in a thread, exactly once",
    description=(
        "Start a run of an assistant in a thread. If the outcome is unclear, repeat the call with "
        "the same idempotency_key: it never starts twice."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "assistant_id": schemas.STRING,
            "model": schemas.STRING,
            "instructions": schemas.STRING,
            "additional_instructions": schemas.STRING,
            "metadata": schemas.metadata(f"At most {_PAIRS}"),
            "idempotency_key": schemas.STRING,
        },
        ("thread_id", "assistant_id"),
    ),
    output_schema=schemas.result(
        {"thread_id": schemas.STRING, "run": schemas.RUN, "idempotency_key": schemas.STRING},
        ("thread_id", "run", "idempotency_key"),
    ),
    run=_run,
    toolset=RUNS,
    hints=ADDS,
    needs=(RUNS_GROUP,),
)
