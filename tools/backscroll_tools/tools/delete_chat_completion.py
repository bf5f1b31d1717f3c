"""`delete-chat-completion`: deletes a stored chat completion, with its messages."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import completion_requests
from backscroll_tools.client.groups import CHAT_COMPLETIONS
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import COMPLETIONS_TOOLSET
from backscroll_tools.writes.deletion import delete, deletion


async def _run(call: Call, arguments: JSON) -> Result:
    completion_id: str = arguments["completion_id"]
    refuse_other_kinds("delete", "completion_id", completion_id, ("chat completion",))
    retrieval = completion_requests.retrieve_chat_completion(completion_id).abridged()
    await delete(call, DELETE_CHAT_COMPLETION.name, deletion(retrieval), retrieval, completion_id)
    return Result(f"Deleted {completion_id}.", {"completion_id": completion_id, "deleted": True})


DELETE_CHAT_COMPLETION: Final = Tool(
    name="delete-chat-completion",
    title="Delete chat completion",
    summary="deletes a stored completion for good, with its messages",
    description="Delete one past chat with a model for good: a stored completion, by its exact id.",
    input_schema=schemas.arguments({"completion_id": schemas.STRING}, ("completion_id",)),
    output_schema=schemas.result(
        {"completion_id": schemas.STRING, "deleted": schemas.BOOLEAN}, ("completion_id", "deleted")
    ),
    run=_run,
    toolset=COMPLETIONS_TOOLSET,
    hints=CHANGES,
    needs=(CHAT_COMPLETIONS,),
    keywords="remove, erase, forget",
)
