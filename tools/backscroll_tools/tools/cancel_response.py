"""`cancel-response`: stops a response that is being created in the background."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import response_object, response_requests
from backscroll_tools.client.groups import RESPONSES
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import single_object
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import RESPONSES_TOOLSET
from backscroll_tools.writes.cancellation import cancel

_ONLY: Final = "Only a response that is still being created in the background can be cancelled."


async def _run(call: Call, arguments: JSON) -> Result:
    response_id: str = arguments["response_id"]
    refuse_other_kinds("cancel", "response_id", response_id, ("response",))
    request = response_requests.cancel_response(response_id)
    retrieval = response_requests.retrieve_response(response_id).abridged()
    raw = await cancel(call, CANCEL_RESPONSE.name, request, retrieval, name=response_id, only=_ONLY)
    return single_object(call, "response", response_object.whole({**raw, "id": response_id}))


CANCEL_RESPONSE: Final = Tool(
    name="cancel-response",
    title="Cancel response",
    summary="stops a response that is being created in the background",
    description="Stop a chat with a model: a response that still runs in the background.",
    input_schema=schemas.arguments({"response_id": schemas.STRING}, ("response_id",)),
    output_schema=schemas.result({"response": schemas.RESPONSE}, ("response",)),
    run=_run,
    toolset=RESPONSES_TOOLSET,
    hints=CHANGES,
    needs=(RESPONSES,),
    keywords="abort, interrupt",
)
