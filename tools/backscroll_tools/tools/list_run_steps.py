"""`list-run-steps`: lists what a run did, step by step."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import STEP
from backscroll_tools.object_pages import read_list
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import RUNS

_SHAPE: Final = Shape("steps", "step")


async def _run(call: Call, arguments: JSON) -> Result:
    run = f"{arguments['thread_id']}/{arguments['run_id']}"
    return await read_list(call, LIST_RUN_STEPS.name, STEP, arguments, _SHAPE, parent_id=run)


LIST_RUN_STEPS: Final = Tool(
    name="list-run-steps",
    title="List run steps",
    summary="lists the steps of a run",
    description="List what a run did, step by step.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "run_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
        ("thread_id", "run_id"),
    ),
    output_schema=schemas.listed("steps", schemas.API_OBJECT),
    run=_run,
    toolset=RUNS,
    needs=(RUNS_GROUP,),
)
