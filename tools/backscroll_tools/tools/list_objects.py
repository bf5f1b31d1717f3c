"""`list-objects`: lists the objects of one kind, such as batches or an organization's users."""

from collections.abc import Mapping
from typing import Final

from backscroll_tools import schemas
from backscroll_tools.models import JSON
from backscroll_tools.object_kind import Kind
from backscroll_tools.object_kinds import ADMIN, GROUPS_OF_KINDS, KINDS
from backscroll_tools.object_pages import read_list
from backscroll_tools.pages.frame import Shape
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import API

_SHAPE: Final = Shape("objects", "object")


async def _run(call: Call, arguments: JSON) -> Result:
    kind, parent_id = KINDS[arguments["kind"]], arguments.get("parent_id", "")
    return await read_list(call, LIST_OBJECTS.name, kind, arguments, _SHAPE, parent_id=parent_id)


def _schema(kinds: Mapping[str, Kind]) -> JSON:
    names = [kind.name for kind in kinds.values() if kind.lists]
    return schemas.arguments(
        {
            "kind": {"type": "string", "enum": names},
            "parent_id": {"type": "string", "description": "Whose objects; errors name it"},
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "since": schemas.STRING,
            "until": schemas.STRING,
            "after": schemas.STRING,
            "cursor": schemas.CURSOR,
        },
        ("kind",),
    )


LIST_OBJECTS: Final = Tool(
    name="list-objects",
    title="List objects",
    summary="lists API objects of one kind: batches, models, files, users, usage and others",
    description="List API objects of one kind, shortened. Usage and costs need since.",
    input_schema=_schema(KINDS),
    schema_without_admin_key=_schema({name: KINDS[name] for name in KINDS if name not in ADMIN}),
    output_schema=schemas.listed("objects", schemas.API_OBJECT),
    run=_run,
    toolset=API,
    needs=GROUPS_OF_KINDS,
)
