"""Real servers as their sources and recordings show them, each over the store's data.

Each server is one function from a request to a reply. `docs/upstreams.md` has their settings.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer
from tests.upstreams.world import INPUT

LONG: Final = "a long message " * 400
"""The text of each tenth message of every server."""

NO_ROUTE: Final = answer({"detail": "Not Found"}, 404)


def _lengthened(row: JSON) -> JSON:
    """Return a row of the store; if it is a tenth message, with a long text."""
    text = json.dumps(row.get("content"))
    if '0"' not in text or "text " not in text:
        return row
    return {**row, "content": [{**row["content"][0], **_long_text(row)}]}


def _long_text(row: JSON) -> JSON:
    old = row["content"][0]["text"]
    return {"text": {**old, "value": LONG} if isinstance(old, dict) else LONG}


def _of_rows(change: Callable[[JSON], JSON], said: Answer) -> Answer:
    """Return a reply with each object changed, whether it is one object or a list."""
    if said.status != 200:
        return said
    body = said.json
    if isinstance(body.get("data"), list):
        return answer({**body, "data": [change(row) for row in body["data"]]})
    return answer(change(body))


def _segments(exchange: Exchange) -> list[str]:
    return exchange.asked.path.strip("/").split("/")


async def _litellm(exchange: Exchange) -> Answer:
    """Serve threads as the proxy does: no single messages, and no query reaches the service."""
    match (exchange.asked.method, *_segments(exchange)):
        case ("POST", "threads") | ("GET" | "POST", "threads", _, "messages"):
            said = await exchange.ask(())
        case _:
            return NO_ROUTE
    if said.status == 404:
        return answer("Internal Server Error", 500)
    return _of_rows(_lengthened, said)


async def _litellm_pass_through(exchange: Exchange) -> Answer:
    """Serve what the service behind the proxy serves, unchanged."""
    return _of_rows(_lengthened, await exchange.ask())


def _devui_item(row: JSON, number: int) -> JSON:
    if row["type"] != "message":
        return {**row, "id": f"item_{number}_call"}
    text = {"type": "text", "text": _lengthened(row)["content"][0]["text"]}
    return {**row, "id": f"item_{number}", "content": [text], "status": "completed"}


async def _devui(exchange: Exchange) -> Answer:
    """Serve conversations; a list numbers its items, and single ones have other ids.

    A new conversation is empty, whatever items it was created with.
    """
    asked = exchange.asked
    match (asked.method, *_segments(exchange)):
        case ("POST", "conversations"):
            return await replace(exchange, asked=replace(asked, body=b"{}")).ask()
        case ("POST", "conversations", _, "items"):
            said = await exchange.ask()
            if said.status != 200:
                return said
            return answer({"object": "list", "data": said.json["data"]})
        case ("GET", "conversations", _, "items", item_id):
            said = await exchange.ask()
            unknown = item_id.removeprefix("item_").isdecimal() or said.status != 200
            return answer({"detail": "Item not found"}, 404) if unknown else said
        case ("GET", "conversations", conversation_id, "items"):
            whole = await exchange.ask((("limit", "1"),))
            if whole.status != 200:
                return answer({"detail": f"Conversation {conversation_id} not found"}, 404)
            rows = (await exchange.all())[:: -1 if asked["order"] == "desc" else 1]
            items = [_devui_item(row, number) for number, row in enumerate(rows)]
            items = items[:: -1 if asked["order"] == "desc" else 1]
            ids = [item["id"] for item in items]
            start = ids.index(asked["after"]) + 1 if asked["after"] in ids else 0
            end = start + int(asked["limit"] or 100)
            page = {"object": "list", "data": items[start:end], "has_more": len(items) > end}
            return answer({**page, "metadata": {"traces": []}})
        case _:
            return NO_ROUTE


def _open_assistant_message(row: JSON) -> JSON:
    if row.get("object") != "thread.message":
        return row
    kept = {name: value for name, value in row.items() if name not in {"metadata", "status"}}
    message = {**kept, "created_at": row["created_at"] + 0.5, "metadata_": row["metadata"]}
    return _lengthened(message)


async def _open_assistant(exchange: Exchange) -> Answer:
    """Serve threads; a message's files are listed, but none is ever stored there."""
    match (exchange.asked.method, *_segments(exchange)):
        case ("GET", "threads", _, "messages", _, "files"):
            return answer({"object": "list", "data": [], "has_more": False})
        case ("POST", "threads") | (_, "threads", _, "messages", *_):
            said = await exchange.ask()
            return _of_rows(_open_assistant_message, said)
        case _:
            return NO_ROUTE


async def _agentic_api(exchange: Exchange) -> Answer:
    """Serve conversations as OpenAI does, and no stored completions."""
    match (exchange.asked.method, *_segments(exchange)):
        case (_, "conversations", *_):
            return _of_rows(_lengthened, await exchange.ask())
        case ("GET", "chat", "completions"):
            return answer("", 405)
        case _:
            return answer("", 404)


async def _ogx(exchange: Exchange) -> Answer:
    """Serve conversations and completions; no threads, and an unknown completion is a 400."""
    match _segments(exchange):
        case ["threads", *_]:
            return NO_ROUTE
        case ["chat", *_]:
            said = await exchange.ask(exchange.asked.without("metadata[user]"))
            missing = {"error": {"message": "Chat completion not found"}}
            return answer(missing, 400) if said.status == 404 else said
        case _:
            return _of_rows(_lengthened, await exchange.ask(exchange.asked.without("before")))


async def _llama_stack(exchange: Exchange) -> Answer:
    """Serve conversations without `after`, and completions without a list of their messages.

    A page of items has as many as `limit` says, without a maximum, and `has_more` is always false.
    A completion contains its input.
    """
    asked = exchange.asked
    match (asked.method, *_segments(exchange)):
        case ("GET", "chat", "completions", completion_id):
            said = await exchange.ask()
            if said.status != 200:
                missing = f"Chat completion with id {completion_id} not found"
                return answer({"error": {"message": missing}}, 400)
            sent = (await exchange.ask(path=f"/chat/completions/{completion_id}/messages")).json
            names = ("role", "content")
            rows = [{name: row[name] for name in names} for row in sent["data"][:INPUT]]
            return answer({**said.json, "input_messages": rows})
        case ("GET", "chat", "completions"):
            return await exchange.ask()
        case ("GET", "conversations", _, "items"):
            whole = await exchange.ask((("limit", "1"),))
            if whole.status != 200:
                return answer({"detail": "Conversation not found"}, 404)
            rows = (await exchange.all())[: int(asked["limit"] or 20)]
            ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
            page = {"object": "list", "data": rows, "has_more": False, **ends}
            return _of_rows(_lengthened, answer(page))
        case (_, "conversations", *_):
            return _of_rows(_lengthened, await exchange.ask())
        case _:
            return NO_ROUTE


def _server(name: str, source: str, answering: Answering, **settings: object) -> Behaviour:
    return Behaviour(name, source, answering, settings)


LITELLM: Final = _server("LiteLLM", "LiteLLM 1.106.2, recorded", _litellm, serves=("threads",))
LITELLM_PASS_THROUGH: Final = _server(
    "LiteLLM, pass-through",
    "LiteLLM 1.106.2, recorded",
    _litellm_pass_through,
    serves=("threads",),
)
DEVUI: Final = _server(
    "DevUI", "agent-framework-devui 1.0.0b261022, observed", _devui, serves=("conversations",)
)
LLAMA_STACK: Final = _server(
    "Llama Stack",
    "Llama Stack 0.7.3, observed",
    _llama_stack,
    serves=("conversations", "chat_completions"),
)
OPEN_ASSISTANT: Final = _server(
    "open-assistant-api", "MLT-OSS/open-assistant-api, source", _open_assistant, serves=("threads",)
)
AGENTIC_API: Final = _server(
    "vLLM's agentic API",
    "vllm-project/agentic-api, source",
    _agentic_api,
    serves=("conversations",),
)
OGX: Final = _server(
    "OGX", "OGX 1.5.0, recorded", _ogx, serves=("conversations", "chat_completions")
)

SERVERS: Final = (
    LITELLM,
    LITELLM_PASS_THROUGH,
    DEVUI,
    LLAMA_STACK,
    OPEN_ASSISTANT,
    AGENTIC_API,
    OGX,
)
