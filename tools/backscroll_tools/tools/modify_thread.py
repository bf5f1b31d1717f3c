"""`modify-thread`: replaces the metadata of a thread or a conversation."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import objects
from backscroll_tools.collections import writable_collection_of
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import single_object
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET
from backscroll_tools.writes.metadata import modification, replace_metadata


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, metadata = arguments["thread_id"], arguments["metadata"]
    refuse_other_kinds("modify", "thread_id", thread_id, ("thread", "conversation"))
    collection = writable_collection_of(call.client.upstream.profile, thread_id)
    retrieval = collection.describe(thread_id)
    request = modification(retrieval, metadata)
    raw = await replace_metadata(call, MODIFY_THREAD.name, request, retrieval, thread_id)
    return single_object(call, "thread", objects.thread({**raw, "id": thread_id}))


MODIFY_THREAD: Final = Tool(
    name="modify-thread",
    title="Modify thread",
    summary="replaces the metadata of a thread or conversation, such as its title",
    description=(
        "Replace a conversation's metadata, such as its title. Pairs that are left out are removed."
    ),
    input_schema=schemas.arguments(
        {"thread_id": schemas.STRING, "metadata": schemas.METADATA}, ("thread_id", "metadata")
    ),
    output_schema=schemas.result({"thread": schemas.THREAD}, ("thread",)),
    run=_run,
    toolset=THREADS_TOOLSET,
    hints=CHANGES,
    keywords="rename, tag, label",
)
