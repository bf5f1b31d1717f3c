"""`delete-thread`: deletes a thread or a conversation, with its messages."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.collections import writable_collection_of
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET
from backscroll_tools.writes.deletion import delete, deletion


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id: str = arguments["thread_id"]
    refuse_other_kinds("delete", "thread_id", thread_id, ("thread", "conversation"))
    collection = writable_collection_of(call.client.upstream.profile, thread_id)
    retrieval = collection.describe(thread_id)
    await delete(call, DELETE_THREAD.name, deletion(retrieval), retrieval, thread_id)
    return Result(f"Deleted {thread_id}.", {"thread_id": thread_id, "deleted": True})


DELETE_THREAD: Final = Tool(
    name="delete-thread",
    title="Delete thread",
    summary="deletes a thread or conversation for good, with its messages",
    description="Delete one conversation and its messages for good, by its exact id.",
    input_schema=schemas.arguments({"thread_id": schemas.STRING}, ("thread_id",)),
    output_schema=schemas.result(
        {"thread_id": schemas.STRING, "deleted": schemas.BOOLEAN}, ("thread_id", "deleted")
    ),
    run=_run,
    toolset=THREADS_TOOLSET,
    hints=CHANGES,
    keywords="remove, erase, forget",
)
