"""`list-files`: lists uploaded and generated files."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import FILES as FILES_GROUP
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import KINDS
from backscroll_tools.object_pages import read_list
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import FILES

_SHAPE: Final = Shape("files", "file")


async def _run(call: Call, arguments: JSON) -> Result:
    kind = KINDS["files"]
    return await read_list(call, LIST_FILES.name, kind, arguments, _SHAPE, filters=("purpose",))


LIST_FILES: Final = Tool(
    name="list-files",
    title="List files",
    summary="lists uploaded and generated files",
    description="List uploaded and generated files, newest first.",
    input_schema=schemas.arguments(
        {
            "purpose": {"type": "string", "description": "Such as assistants, batch or user_data"},
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
    ),
    output_schema=schemas.listed("files", schemas.API_OBJECT),
    run=_run,
    toolset=FILES,
    needs=(FILES_GROUP,),
)
