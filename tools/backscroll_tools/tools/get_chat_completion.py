"""`get-chat-completion`: reads the fields of a stored chat completion, without its messages."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import completion_requests, objects
from backscroll_tools.client.groups import CHAT_COMPLETIONS
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import read_object, single_object
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import COMPLETIONS_TOOLSET


async def _run(call: Call, arguments: JSON) -> Result:
    completion_id: str = arguments["completion_id"]
    refuse_other_kinds("get", "completion_id", completion_id, ("chat completion",))
    request = completion_requests.retrieve_chat_completion(completion_id).abridged(
        objects.COMPLETION_PREVIEW
    )
    raw = await read_object(call, request)
    return single_object(call, "completion", objects.whole_completion({**raw, "id": completion_id}))


GET_CHAT_COMPLETION: Final = Tool(
    name="get-chat-completion",
    title="Get chat completion",
    summary="reads a stored completion's model, usage, metadata and other fields",
    description=(
        "Read a past chat's settings: a stored completion's model, usage and metadata, without its "
        "messages."
    ),
    input_schema=schemas.arguments({"completion_id": schemas.STRING}, ("completion_id",)),
    output_schema=schemas.result({"completion": schemas.COMPLETION}, ("completion",)),
    run=_run,
    toolset=COMPLETIONS_TOOLSET,
    needs=(CHAT_COMPLETIONS,),
    keywords="token counts, temperature, parameters",
)
