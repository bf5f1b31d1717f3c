"""What a host's model got, found in the requests that the host sent."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bench.host import Host
from bench.hosts.model import Model
from bench.hosts.script import Request, Step, Tool, offered

Schema: TypeAlias = Mapping[str, Any]

FENCE: Final = re.compile(r"^[A-Z]{2}(?:\d{3})? ", re.MULTILINE)
"""The tag at the start of the lines that Backscroll writes; it differs between calls."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the server answered to a step, asked directly.

    Attributes:
        text: the text of the result.
        structured: the structured content of the result, or None.
    """

    text: str
    structured: object


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model got of one result.

    Attributes:
        step: the id of the step.
        text: all text that the model got.
        part: `text`, `structured`, `both` or `neither`: the part of the result that the model got.
        whole: whether the model got all of the part.
    """

    step: str
    text: str
    part: str
    whole: bool


@dataclass(frozen=True, slots=True)
class ToolShown:
    """What the model got of one tool.

    Attributes:
        name: the tool's name, as Backscroll lists it.
        called: the name by which the model calls the tool, after its namespace if it has one.
        deferred: whether the model gets the tool only after a search for tools.
        described: whether the model gets the description unchanged.
        lost: the keywords of the schema that the model does not get.
        text: name, description and schema as the model gets them, as JSON.
    """

    name: str
    called: str
    deferred: bool
    described: bool
    lost: tuple[str, ...]
    text: str


def sent(host: Host, steps: Sequence[Step]) -> dict[str, Sent]:
    """Return what a server answers to each step, by the step's id."""
    answers = {}
    for step in steps:
        result = host.request("tools/call", name=step.tool, arguments=step.arguments)
        text = "\n".join(block["text"] for block in result["content"])
        answers[step.id] = Sent(text, result.get("structuredContent"))
    return answers


def shown(model: Model, answers: Mapping[str, Sent]) -> list[Shown]:
    """Return what the model got of each result; a result that never arrived is left out."""
    last = max(model.requests, key=lambda request: len(request.outputs), default=None)
    texts = {output.call_id: output.text for output in (last.outputs if last else [])}
    return [_judged(step, texts[step], answer) for step, answer in answers.items() if step in texts]


def _judged(step: str, text: str, answer: Sent) -> Shown:
    """Return a result with the part of it that the text is."""
    plain, unescaped = _untagged(text), _untagged(_unescaped(text))
    expected = _untagged(answer.text).strip()
    if expected in plain or expected in unescaped:
        both = answer.structured is not None and '"messages":[{' in unescaped
        return Shown(step, text, "both" if both else "text", whole=True)
    start = text.find("{")
    if answer.structured is not None and start >= 0:
        try:
            value, _ = json.JSONDecoder().raw_decode(text[start:])
        except ValueError:
            value = None
        if value == answer.structured:
            return Shown(step, text, "structured", whole=True)
        if '"messages":[{' in text[:1_000]:
            return Shown(step, text, "structured", whole=False)
    if expected[:200] in plain:
        return Shown(step, text, "text", whole=False)
    return Shown(step, text, "neither", whole=False)


def _untagged(text: str) -> str:
    return FENCE.sub("", text)


def _unescaped(text: str) -> str:
    """Return a text in which the escapes of JSON strings are undone, as far as sentences have."""
    return text.replace("\\n", "\n").replace('\\"', '"')


def tools(model: Model, listed: Sequence[Mapping[str, Any]]) -> list[ToolShown]:
    """Return what the model got of each listed tool; one that it never got is left out."""
    with_tools = [request for request in model.requests if request.tools]
    if not with_tools:
        return []
    last = max(with_tools, key=lambda request: len(request.outputs))
    found = []
    for each in listed:
        tool = offered(last.tools, each["name"])
        if tool is not None:
            found.append(_tool(each, tool, with_tools[0]))
    return found


def _tool(listed: Mapping[str, Any], tool: Tool, first: Request) -> ToolShown:
    parts = {"name": tool.name, "description": tool.description, "schema": tool.schema}
    kept = set(_keywords(tool.schema))
    return ToolShown(
        listed["name"],
        f"{tool.namespace}.{tool.name}" if tool.namespace else tool.name,
        offered(first.tools, listed["name"]) is None,
        listed["description"].strip() in tool.description,
        tuple(sorted(set(_keywords(listed["inputSchema"])) - kept)),
        json.dumps(parts, ensure_ascii=False, separators=(",", ":")),
    )


def _keywords(schema: object) -> Iterator[str]:
    """Yield each keyword of a JSON Schema, without the names of properties."""
    if isinstance(schema, list):
        for each in schema:
            yield from _keywords(each)
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        yield keyword
        if keyword == "properties" and isinstance(value, Mapping):
            for each in value.values():
                yield from _keywords(each)
        elif keyword not in {"default", "enum", "const", "examples"}:
            yield from _keywords(value)
