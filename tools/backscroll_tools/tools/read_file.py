"""`read-file`: returns the text of a file in pages, or the type and size of a binary file."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.file_requests import file_content
from backscroll_tools.client.groups import FILES as FILES_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_pages import read_one
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import FILES

_SHAPE: Final = Shape("file", "file", single=True)


async def _run(call: Call, arguments: JSON) -> Result:
    file_id: str = arguments["file_id"]

    async def item() -> JSON:
        return {"id": file_id, **await call.client.send(file_content(file_id))}

    return await read_one(call, READ_FILE.name, file_id, arguments, item, shape=_SHAPE)


READ_FILE: Final = Tool(
    name="read-file",
    title="Read file",
    summary="reads a text file in pages; of a binary file, its type and size",
    description="Read a text file, in pages if it is long; of a binary file, its type and size.",
    input_schema=schemas.arguments(
        {"file_id": schemas.STRING, "cursor": schemas.CURSOR}, ("file_id",)
    ),
    output_schema=schemas.result({"page": schemas.PAGE, "file": schemas.FILE_CONTENT}, ("page",)),
    run=_run,
    toolset=FILES,
    needs=(FILES_GROUP,),
)
