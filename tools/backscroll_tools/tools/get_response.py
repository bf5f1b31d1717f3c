"""`get-response`: reads the fields of a response, without its messages."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import response_object, response_requests
from backscroll_tools.client.groups import RESPONSES
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import read_object, single_object
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import RESPONSES_TOOLSET


async def _run(call: Call, arguments: JSON) -> Result:
    response_id: str = arguments["response_id"]
    refuse_other_kinds("get", "response_id", response_id, ("response",))
    raw = await read_object(call, response_requests.retrieve_response(response_id).abridged())
    return single_object(call, "response", response_object.whole({**raw, "id": response_id}))


GET_RESPONSE: Final = Tool(
    name="get-response",
    title="Get response",
    summary="reads a response's status, model, usage, errors and other fields",
    description=(
        "Read the state of a past chat: a response's status, model, usage and errors, without its "
        "messages."
    ),
    input_schema=schemas.arguments({"response_id": schemas.STRING}, ("response_id",)),
    output_schema=schemas.result({"response": schemas.RESPONSE}, ("response",)),
    run=_run,
    toolset=RESPONSES_TOOLSET,
    needs=(RESPONSES,),
    keywords="token counts, why it failed, background",
)
