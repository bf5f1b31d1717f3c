"""`get-run-step`: returns one whole step of a run, with the calls of tools and their outputs."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import STEP
from backscroll_tools.object_pages import read_whole
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import RUNS


async def _run(call: Call, arguments: JSON) -> Result:
    run, step_id = f"{arguments['thread_id']}/{arguments['run_id']}", arguments["step_id"]
    return await read_whole(call, GET_RUN_STEP.name, STEP, step_id, arguments, parent_id=run)


GET_RUN_STEP: Final = Tool(
    name="get-run-step",
    title="Get run step",
    summary="reads one whole step of a run",
    description="Read one whole step of a run, with calls of tools and their outputs.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "run_id": schemas.STRING,
            "step_id": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
        ("thread_id", "run_id", "step_id"),
    ),
    output_schema=schemas.result({"page": schemas.PAGE, "object": schemas.API_OBJECT}, ("page",)),
    run=_run,
    toolset=RUNS,
    needs=(RUNS_GROUP,),
)
