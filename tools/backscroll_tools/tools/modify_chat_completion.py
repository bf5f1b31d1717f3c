"""`modify-chat-completion`: replaces the metadata of a stored chat completion."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import completion_requests, objects
from backscroll_tools.client.groups import CHAT_COMPLETIONS
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.single_object import single_object
from backscroll_tools.tool import CHANGES, Call, Result, Tool
from backscroll_tools.toolset import COMPLETIONS_TOOLSET
from backscroll_tools.writes.metadata import modification, replace_metadata


async def _run(call: Call, arguments: JSON) -> Result:
    completion_id: str = arguments["completion_id"]
    refuse_other_kinds("modify", "completion_id", completion_id, ("chat completion",))
    retrieval = completion_requests.retrieve_chat_completion(completion_id).abridged()
    request = modification(retrieval, arguments["metadata"])
    tool = MODIFY_CHAT_COMPLETION.name
    raw = await replace_metadata(call, tool, request, retrieval, completion_id)
    return single_object(call, "completion", objects.completion({**raw, "id": completion_id}))


MODIFY_CHAT_COMPLETION: Final = Tool(
    name="modify-chat-completion",
    title="Modify chat completion",
    summary="replaces the metadata of a stored completion",
    description=(
        "Replace the metadata of a past chat with a model: a stored completion. Pairs that are "
        "left out are removed."
    ),
    input_schema=schemas.arguments(
        {"completion_id": schemas.STRING, "metadata": schemas.METADATA},
        ("completion_id", "metadata"),
    ),
    output_schema=schemas.result({"completion": schemas.COMPLETION}, ("completion",)),
    run=_run,
    toolset=COMPLETIONS_TOOLSET,
    hints=CHANGES,
    needs=(CHAT_COMPLETIONS,),
    keywords="tag, label",
)
