"""`cancel-run`: cancels a run that has not ended."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import run_requests
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import RUN
from backscroll_tools.run_results import run_result
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import RUNS

_CANCELLED: Final = frozenset({"cancelling", "cancelled"})


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, run_id = arguments["thread_id"], arguments["run_id"]
    try:
        run = await call.client.send(run_requests.cancel_run(thread_id, run_id))
    except ToolError as error:
        if error.code not in {"invalid_arguments", "thread_busy"}:
            raise
        # The upstream refuses to cancel a run twice. An earlier attempt may have cancelled it.
        run = await call.client.send(RUN.retrieval(thread_id, run_id))
        if run.get("status") not in _CANCELLED:
            raise error from None
    return run_result("Cancelled", thread_id, run_id, run)


CANCEL_RUN: Final = Tool(
    name="cancel-run",
    title="Cancel run",
    summary="cancels a run that has not ended",
    description="Cancel a run that has not ended.",
    input_schema=schemas.arguments(
        {"thread_id": schemas.STRING, "run_id": schemas.STRING}, ("thread_id", "run_id")
    ),
    output_schema=schemas.result({"thread_id": schemas.STRING, "run": schemas.RUN}, ("run",)),
    run=_run,
    toolset=RUNS,
    hints=CHANGES,
    needs=(RUNS_GROUP,),
)
