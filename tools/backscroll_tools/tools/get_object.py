"""`get-object`: returns one whole object of any kind, in pages if it is long."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import GROUPS_OF_KINDS, KINDS
from backscroll_tools.object_pages import read_whole
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import API


async def _run(call: Call, arguments: JSON) -> Result:
    kind = KINDS.get(arguments["kind"])
    if kind is None:
        raise invalid_arguments("kind is unknown.", f"Use one of these: {', '.join(KINDS)}.")
    if kind.since_required:
        raise invalid_arguments(f"{kind.name} has no single objects.", "Use list-objects.")
    parent_id = arguments.get("parent_id", "")
    object_id = arguments["id"]
    return await read_whole(call, GET_OBJECT.name, kind, object_id, arguments, parent_id=parent_id)


GET_OBJECT: Final = Tool(
    name="get-object",
    title="Get object",
    summary="reads one whole API object, in pages if it is long",
    description="Read one whole API object as JSON, in pages if it is long. Secrets are redacted.",
    input_schema=schemas.arguments(
        {
            "kind": {"type": "string", "description": "As in list-objects, or file_batches"},
            "parent_id": schemas.STRING,
            "id": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
        ("kind", "id"),
    ),
    output_schema=schemas.result(
        {"page": schemas.PAGE, "object": schemas.API_OBJECT},
        ("page",),
    ),
    run=_run,
    toolset=API,
    needs=GROUPS_OF_KINDS,
)
