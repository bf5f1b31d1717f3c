"""`list-vector-store-files`: lists the files of a vector store, and whether each is indexed."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import VECTOR_STORES
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import KINDS
from backscroll_tools.object_pages import read_list
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import FILES

_SHAPE: Final = Shape("files", "file")


async def _run(call: Call, arguments: JSON) -> Result:
    kind, store_id = KINDS["vector_store_files"], arguments["vector_store_id"]
    name = LIST_VECTOR_STORE_FILES.name
    return await read_list(
        call, name, kind, arguments, _SHAPE, parent_id=store_id, filters=("filter",)
    )


LIST_VECTOR_STORE_FILES: Final = Tool(
    name="list-vector-store-files",
    title="List vector store files",
    summary="lists the files of a vector store, and whether each is indexed",
    description="List the files of a vector store, and whether each is indexed.",
    input_schema=schemas.arguments(
        {
            "vector_store_id": schemas.STRING,
            "filter": {
                "type": "string",
                "enum": ["in_progress", "completed", "failed", "cancelled"],
            },
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
        ("vector_store_id",),
    ),
    output_schema=schemas.listed("files", schemas.API_OBJECT),
    run=_run,
    toolset=FILES,
    needs=(VECTOR_STORES,),
)
