"""`modify-run`: replaces the metadata of a run."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import RUNS as RUNS_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import RUN
from backscroll_tools.run_results import run_result
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import RUNS
from backscroll_tools.writes.metadata import modification, replace_metadata


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, run_id = arguments["thread_id"], arguments["run_id"]
    retrieval = RUN.retrieval(thread_id, run_id)
    request = modification(retrieval, arguments["metadata"])
    run = await replace_metadata(call, MODIFY_RUN.name, request, retrieval, run_id)
    return run_result("Changed", thread_id, run_id, run)


MODIFY_RUN: Final = Tool(
    name="modify-run",
    title="Modify run",
    summary="replaces the metadata of a run",
    description="Replace the metadata of a run.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "run_id": schemas.STRING,
            "metadata": schemas.metadata(f"At most {schemas.METADATA_PAIRS}"),
        },
        ("thread_id", "run_id", "metadata"),
    ),
    output_schema=schemas.result({"thread_id": schemas.STRING, "run": schemas.RUN}, ("run",)),
    run=_run,
    toolset=RUNS,
    hints=CHANGES,
    needs=(RUNS_GROUP,),
)
