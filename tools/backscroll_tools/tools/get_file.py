"""`get-file`: returns what is known of a file: its name, size and purpose."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import FILES as FILES_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import KINDS
from backscroll_tools.object_pages import read_whole
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import FILES


async def _run(call: Call, arguments: JSON) -> Result:
    return await read_whole(call, GET_FILE.name, KINDS["files"], arguments["file_id"], arguments)


GET_FILE: Final = Tool(
    name="get-file",
    title="Get file",
    summary="reads a file's name, size and purpose",
    description="Read a file's name, size and purpose. read-file reads its content.",
    input_schema=schemas.arguments(
        {"file_id": schemas.STRING, "cursor": schemas.CURSOR}, ("file_id",)
    ),
    output_schema=schemas.result({"page": schemas.PAGE, "object": schemas.API_OBJECT}, ("page",)),
    run=_run,
    toolset=FILES,
    needs=(FILES_GROUP,),
)
