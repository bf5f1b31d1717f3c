"""What the scripted model answers, whichever API the host speaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

SEARCH_WORDS: Final = ("toolsearch", "tool_search")
"""Names of the tools with which a model finds the tools that its host has deferred."""

DONE: Final = "That is everything."


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as a request offers it to the model.

    Attributes:
        name: the name by which the model calls the tool.
        description: the description, as the host passes it on.
        schema: the JSON Schema of the arguments, as the host passes it on.
        namespace: the group that the host has put the tool into; empty if it is in none.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What the host sent to the model as the result of a call.

    Attributes:
        call_id: the id of the call, which the script has given it.
        text: all text of the result, in its order.
    """

    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model's.

    Attributes:
        id: identifies the call; the host repeats it with the result.
        name: the tool's name, as the host has given it.
        arguments: the arguments.
        namespace: the tool's namespace; empty if it has none.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A host's request to its model, read from whichever API it speaks.

    Attributes:
        tools: the tools that the request offers, and those that a search for tools has found.
        outputs: the results of the script's calls so far, in order.
        path: the path of the request's URL.
        streamed: whether the host wants an event stream.
    """

    tools: Sequence[Tool]
    outputs: Sequence[Output]
    path: str = ""
    streamed: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One call that the script makes.

    Attributes:
        id: the call's id.
        tool: the tool's name, as Backscroll lists it.
        arguments: the arguments.
    """

    id: str
    tool: str
    arguments: Mapping[str, Any]


def plain(name: str) -> str:
    """Return a tool's name in the spelling that all hosts' variants of the name share."""
    return name.replace("-", "_").casefold()


def offered(tools: Sequence[Tool], name: str) -> Tool | None:
    """Return the offered tool that is Backscroll's tool `name`, or None.

    Hosts put the server's name before a tool's, and some write `_` for `-`.
    """
    return next((tool for tool in tools if plain(tool.name).endswith(plain(name))), None)


def answer(steps: Sequence[Step], request: Request) -> Call | None:
    """Return the call that the model makes next, or None if it answers with `DONE`.

    The model makes the calls of `steps` in order. If a tool is not offered but a search for tools
    is, the model searches first. The answer depends on the request alone, because a host also asks
    for such things as a title, beside the conversation.
    """
    answered = {output.call_id for output in request.outputs}
    step = next((step for step in steps if step.id not in answered), None)
    if step is None:
        return None
    if tool := offered(request.tools, step.tool):
        return Call(step.id, tool.name, step.arguments, tool.namespace)
    search = next((tool for tool in request.tools if plain(tool.name).endswith(SEARCH_WORDS)), None)
    search_id = f"search_{step.id}"
    if search is None or search_id in answered:
        return None
    return Call(search_id, search.name, _search(search, step.tool), search.namespace)


def _search(search: Tool, name: str) -> Mapping[str, Any]:
    """Return the arguments with which the model searches for a tool."""
    words = name.replace("-", " ")
    arguments: dict[str, Any] = {"query": f"backscroll {words}"}
    if "max_results" in search.schema.get("properties", {}):
        arguments["max_results"] = 20
    return arguments
