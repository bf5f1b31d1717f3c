"""`delete-message`: deletes a message of a thread, or an item of a conversation."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.collections import collection_of
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET
from backscroll_tools.writes.deletion import delete, deletion


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, message_id = arguments["thread_id"], arguments["message_id"]
    refuse_other_kinds("delete", "thread_id", thread_id, ("thread", "conversation"))
    refuse_other_kinds("delete", "message_id", message_id, ("message",))
    collection = collection_of(call.client.upstream.profile, thread_id)
    retrieval = collection.retrieve_message(thread_id, message_id)
    await delete(call, DELETE_MESSAGE.name, deletion(retrieval), retrieval, message_id)
    return Result(
        f"Deleted message {message_id} of {thread_id}.",
        {"thread_id": thread_id, "message_id": message_id, "deleted": True},
    )


DELETE_MESSAGE: Final = Tool(
    name="delete-message",
    title="Delete message",
    summary="deletes a message of a thread, or an item of a conversation, for good",
    description=(
        "Delete one message of a conversation for good, by its exact id. Items of a conversation, "
        "such as tool calls, can be deleted too."
    ),
    input_schema=schemas.arguments(
        {"thread_id": schemas.STRING, "message_id": schemas.STRING}, ("thread_id", "message_id")
    ),
    output_schema=schemas.result(
        {
            "thread_id": schemas.STRING,
            "message_id": schemas.STRING,
            "deleted": schemas.BOOLEAN,
        },
        ("thread_id", "message_id", "deleted"),
    ),
    run=_run,
    toolset=THREADS_TOOLSET,
    hints=CHANGES,
    keywords="remove, erase",
)
