"""A response, whole and in events, as OpenAI's API sends it."""

from copy import deepcopy
from typing import Any

from tests.models.completions import CREATED
from tests.models.script import JSON, Answer, pieces

ECHOED = (
    "background",
    "conversation",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
DEFAULTS: JSON = {
    "background": False,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}


def response(answer: Answer, body: JSON, response_id: str) -> JSON:
    """Return the response that answers a request."""
    echoed = {key: body.get(key, DEFAULTS.get(key)) for key in ECHOED}
    if isinstance(echoed["conversation"], str):
        echoed["conversation"] = {"id": echoed["conversation"]}
    said = len(pieces(answer.text + answer.refusal + "".join(c.arguments for c in answer.calls)))
    thought, heard = len(pieces(answer.reasoning)), len(pieces(str(body.get("input"))))
    return {
        "id": response_id,
        "object": "response",
        "created_at": CREATED,
        "completed_at": CREATED + 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": body.get("model") or "scripted",
        **echoed,
        "output": _output(answer, response_id),
        "usage": {
            "input_tokens": heard,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said + thought,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": heard + said + thought,
        },
    }


def events(whole: JSON) -> list[JSON]:
    """Return the events in which a response is streamed."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    kinds = ["response.created", "response.in_progress"]
    if whole["background"]:
        kinds.insert(1, "response.queued")
    found: list[JSON] = [{"type": kind, "response": begun} for kind in kinds]
    for index, item in enumerate(whole["output"]):
        found += _item_events(index, item)
    found.append({"type": f"response.{whole['status']}", "response": whole})
    return [{**event, "sequence_number": number} for number, event in enumerate(found)]


def _output(answer: Answer, response_id: str) -> list[JSON]:
    tail = response_id.partition("_")[2][:40]
    found: list[JSON] = []
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": answer.reasoning}]
        found.append({"id": f"rs_{tail}", "type": "reasoning", "summary": summary})
    for number, call in enumerate(answer.calls):
        found.append(
            {
                "id": f"fc_{tail}_{number}",
                "type": "function_call",
                "status": "completed",
                "call_id": f"call_{tail}_{number}",
                "name": call.name,
                "arguments": call.arguments,
            }
        )
    content = _content(answer)
    if content:
        message = {"id": f"msg_{tail}", "type": "message", "status": "completed"}
        found.append({**message, "role": "assistant", "content": content})
    return found


def _content(answer: Answer) -> list[JSON]:
    if answer.refusal:
        return [{"type": "refusal", "refusal": answer.refusal}]
    if not answer.text:
        return []
    part: JSON = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    if answer.citation:
        url, title = answer.citation
        cited = {"type": "url_citation", "url": url, "title": title, "start_index": 0}
        part["annotations"] = [{**cited, "end_index": len(answer.text)}]
    return [part]


def _item_events(index: int, item: JSON) -> list[JSON]:
    """Return the events of one item of the output."""
    place = {"item_id": item["id"], "output_index": index}
    begun = deepcopy(item)
    if "status" in begun:
        begun["status"] = "in_progress"
    parts: list[JSON] = []
    match item["type"]:
        case "message":
            begun["content"] = []
            for number, part in enumerate(item["content"]):
                parts += _part_events({**place, "content_index": number}, part)
        case "reasoning":
            begun["summary"] = []
            for number, part in enumerate(item["summary"]):
                parts += _part_events({**place, "summary_index": number}, part)
        case "function_call":
            begun["arguments"] = ""
            kind = "response.function_call_arguments"
            deltas = [_delta(kind, place, word) for word in pieces(item["arguments"])]
            done = {"type": f"{kind}.done", **place, "arguments": item["arguments"]}
            parts += [*deltas, {**done, "name": item["name"]}]
    added = {"type": "response.output_item.added", "output_index": index, "item": begun}
    return [added, *parts, {**added, "type": "response.output_item.done", "item": item}]


def _part_events(place: JSON, part: JSON) -> list[JSON]:
    """Return the events of one part of an item."""
    field, holder, kind = {
        "output_text": ("text", "content_part", "output_text"),
        "refusal": ("refusal", "content_part", "refusal"),
        "summary_text": ("text", "reasoning_summary_part", "reasoning_summary_text"),
    }[part["type"]]
    empty = {**part, field: ""} | ({"annotations": []} if "annotations" in part else {})
    logprobs: JSON = {"logprobs": []} if part["type"] == "output_text" else {}
    kind = f"response.{kind}"
    found: list[JSON] = [{"type": f"response.{holder}.added", **place, "part": empty}]
    found += [{**_delta(kind, place, word), **logprobs} for word in pieces(part[field])]
    for number, cited in enumerate(part.get("annotations", [])):
        event = {"type": f"{kind}.annotation.added", **place, "annotation_index": number}
        found.append({**event, "annotation": cited})
    found.append({"type": f"{kind}.done", **place, field: part[field], **logprobs})
    return [*found, {"type": f"response.{holder}.done", **place, "part": part}]


def _delta(kind: str, place: JSON, word: str) -> dict[str, Any]:
    return {"type": f"{kind}.delta", **place, "delta": word}
