"""Example of docs/extending.md: a tool of your own, which says how many messages a thread has."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import objects, requests
from backscroll_tools.client.groups import THREADS
from backscroll_tools.models import JSON
from backscroll_tools.render import lines, marked, unused_prefix
from backscroll_tools.tool import Call, Result, Tool


async def _run(call: Call, arguments: JSON) -> Result:
    raw = await call.client.send(requests.retrieve_thread(arguments["thread_id"]))
    thread = objects.thread(raw)
    mark = unused_prefix([str(thread)])
    return Result(marked(mark, lines(thread, "thread")), {"thread": thread})


DESCRIBE_THREAD: Final = Tool(
    name="describe-thread",
    title="Describe thread",
    summary="reads when a thread was created, its metadata, and how many messages it has",
    description="Read a thread's creation time and metadata. list-messages reads its messages.",
    input_schema=schemas.arguments({"thread_id": schemas.STRING}, ("thread_id",)),
    output_schema=schemas.result({"thread": schemas.THREAD}, ("thread",)),
    run=_run,
    needs=(THREADS,),
)
