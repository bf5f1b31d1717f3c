"""`get-run`: returns one whole run: its status, its usage, and what it waits for."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import RUN
from backscroll_tools.object_pages import read_whole
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import RUNS


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, run_id = arguments["thread_id"], arguments["run_id"]
    return await read_whole(call, GET_RUN.name, RUN, run_id, arguments, parent_id=thread_id)


GET_RUN: Final = Tool(
    name="get-run",
    title="Get run",
    summary="reads one whole run",
    description="Read one whole run: its status, its usage, and what it waits for.",
    input_schema=schemas.arguments(
        {"thread_id": schemas.STRING, "run_id": schemas.STRING, "cursor": schemas.CURSOR},
        ("thread_id", "run_id"),
    ),
    output_schema=schemas.result({"page": schemas.PAGE, "object": schemas.API_OBJECT}, ("page",)),
    run=_run,
    toolset=RUNS,
    needs=(RUNS_GROUP,),
)
