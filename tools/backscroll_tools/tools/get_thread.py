"""`get-thread`: reads what is known of a thread or a conversation, without its messages."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import objects
from backscroll_tools.collections import writable_collection_of
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import read_object, single_object
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id: str = arguments["thread_id"]
    refuse_other_kinds("get", "thread_id", thread_id, ("thread", "conversation"))
    collection = writable_collection_of(call.client.upstream.profile, thread_id)
    raw = await read_object(call, collection.describe(thread_id))
    return single_object(call, "thread", objects.thread({**raw, "id": thread_id}))


GET_THREAD: Final = Tool(
    name="get-thread",
    title="Get thread",
    summary="reads a thread's or conversation's times and metadata",
    description="Read a conversation's title, times and metadata, without its messages.",
    input_schema=schemas.arguments({"thread_id": schemas.STRING}, ("thread_id",)),
    output_schema=schemas.result({"thread": schemas.THREAD}, ("thread",)),
    run=_run,
    toolset=THREADS_TOOLSET,
    keywords="details, properties",
)
