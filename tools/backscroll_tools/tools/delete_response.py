"""`delete-response`: deletes a response, with its input and its output."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import response_requests
from backscroll_tools.client.groups import RESPONSES
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import RESPONSES_TOOLSET
from backscroll_tools.writes.deletion import delete


async def _run(call: Call, arguments: JSON) -> Result:
    response_id: str = arguments["response_id"]
    refuse_other_kinds("delete", "response_id", response_id, ("response",))
    request = response_requests.delete_response(response_id)
    retrieval = response_requests.retrieve_response(response_id).abridged()
    await delete(call, DELETE_RESPONSE.name, request, retrieval, response_id)
    return Result(f"Deleted {response_id}.", {"response_id": response_id, "deleted": True})


DELETE_RESPONSE: Final = Tool(
    name="delete-response",
    title="Delete response",
    summary="deletes a response for good; later ones lose what they continued",
    description=(
        "Delete one past chat with a model for good: a response, by its exact id. Responses that "
        "continue it lose its messages."
    ),
    input_schema=schemas.arguments({"response_id": schemas.STRING}, ("response_id",)),
    output_schema=schemas.result(
        {"response_id": schemas.STRING, "deleted": schemas.BOOLEAN}, ("response_id", "deleted")
    ),
    run=_run,
    toolset=RESPONSES_TOOLSET,
    hints=CHANGES,
    needs=(RESPONSES,),
    keywords="remove, erase, forget",
)
