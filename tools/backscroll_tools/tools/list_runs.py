"""`list-runs`: lists the runs of a thread, and whether each has ended."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import RUN
from backscroll_tools.object_pages import read_list
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import RUNS

_SHAPE: Final = Shape("runs", "run")


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id = arguments["thread_id"]
    return await read_list(call, LIST_RUNS.name, RUN, arguments, _SHAPE, parent_id=thread_id)


LIST_RUNS: Final = Tool(
    name="list-runs",
    title="List runs",
    summary="lists the runs of a thread",
    description="List the runs of a thread, newest first.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
        ("thread_id",),
    ),
    output_schema=schemas.listed("runs", schemas.API_OBJECT),
    run=_run,
    toolset=RUNS,
    needs=(RUNS_GROUP,),
)
