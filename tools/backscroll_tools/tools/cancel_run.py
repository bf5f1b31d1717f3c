"""`cancel-run`: cancels a run that has not ended."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import run_requests
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import RUN
from backscroll_tools.run_results import run_result
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import RUNS
from backscroll_tools.writes.cancellation import cancel

_ONLY: Final = "Only a run that has not ended can be cancelled."


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, run_id = arguments["thread_id"], arguments["run_id"]
    request = run_requests.cancel_run(thread_id, run_id)
    retrieval = RUN.retrieval(thread_id, run_id)
    run = await cancel(call, CANCEL_RUN.name, request, retrieval, name=run_id, only=_ONLY)
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
