"""`modify-message`: replaces the metadata of a thread's message."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import objects
from backscroll_tools.client.groups import THREADS
from backscroll_tools.collections import CONVERSATION, collection_of
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import single_object
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET
from backscroll_tools.writes.metadata import modification, replace_metadata


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, message_id = arguments["thread_id"], arguments["message_id"]
    refuse_other_kinds("modify", "thread_id", thread_id, ("thread", "conversation"))
    refuse_other_kinds("modify", "message_id", message_id, ("message",))
    collection = collection_of(call.client.upstream.profile, thread_id)
    if collection is CONVERSATION:
        raise invalid_arguments(
            "Messages of a conversation have no metadata.",
            "Change the metadata of the conversation itself with modify-thread.",
        )
    retrieval = collection.retrieve_message(thread_id, message_id)
    request = modification(retrieval, arguments["metadata"])
    raw = await replace_metadata(call, MODIFY_MESSAGE.name, request, retrieval, message_id)
    message = objects.message({**raw, "id": message_id})
    shown: JSON = {"id": message_id, "role": message["role"]}
    if "metadata" in message:
        shown["metadata"] = message["metadata"]
    return single_object(call, "message", shown)


MODIFY_MESSAGE: Final = Tool(
    name="modify-message",
    title="Modify message",
    summary="replaces the metadata of a thread's message",
    description=(
        "Replace the metadata of one message of a conversation thread. Pairs that are left out are "
        "removed. The text cannot be changed."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "message_id": schemas.STRING,
            "metadata": schemas.METADATA,
        },
        ("thread_id", "message_id", "metadata"),
    ),
    output_schema=schemas.result(
        {
            "message": schemas.result(
                {"id": schemas.STRING, "role": schemas.STRING, "metadata": {"type": "object"}},
                ("id", "role"),
            )
        },
        ("message",),
    ),
    run=_run,
    toolset=THREADS_TOOLSET,
    hints=CHANGES,
    needs=(THREADS,),
    keywords="tag, label",
)
