"""`list-vector-stores`: lists the vector stores that files can be searched in."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import VECTOR_STORES
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import KINDS
from backscroll_tools.object_pages import read_list
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import FILES

_SHAPE: Final = Shape("vector_stores", "vector-store")


async def _run(call: Call, arguments: JSON) -> Result:
    kind = KINDS["vector_stores"]
    return await read_list(call, LIST_VECTOR_STORES.name, kind, arguments, _SHAPE)


LIST_VECTOR_STORES: Final = Tool(
    name="list-vector-stores",
    title="List vector stores",
    summary="lists the vector stores, whose files can be searched",
    description="List the vector stores, whose files search-vector-store searches.",
    input_schema=schemas.arguments(
        {
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
    ),
    output_schema=schemas.listed("vector_stores", schemas.API_OBJECT),
    run=_run,
    toolset=FILES,
    needs=(VECTOR_STORES,),
)
