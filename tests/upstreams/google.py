"""Google's interactions: input and output in one object, without ids, and in no list."""

from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer

INTERACTION: Final = "v1_ChdQ-x9="
KEY_HEADER: Final = "x-goog-api-key"


def step(kind: str, text: str, **fields: object) -> JSON:
    """Return a step with one text."""
    return {"type": kind, "content": [{"type": "text", "text": text}], **fields}


INPUT: Final[tuple[JSON, ...]] = (
    step("user_input", "text 0"),
    {"type": "thought", "summary": [{"type": "text", "text": "secret thoughts"}]},
    {"type": "function_call", "id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}},
    {"type": "function_result", "call_id": "call_1", "name": "weather", "result": "-3 °C"},
    {"type": "hologram", "value": [None, {"x": 1}]},
    step("model_output", "text 5"),
    {
        "type": "user_input",
        "content": [
            {"type": "text", "text": "text 6"},
            {"type": "image", "uri": "https://a.example/v1/files/abc6", "mime_type": "image/png"},
        ],
    },
)
OUTPUT: Final[tuple[JSON, ...]] = (
    {"type": "thought", "signature": "x"},
    step("model_output", "text 7"),
)


def interaction(**fields: object) -> JSON:
    """Return an interaction, by default with `INPUT` and `OUTPUT`."""
    return {
        "id": INTERACTION,
        "object": "interaction",
        "status": "completed",
        "model": "m",
        "created": "2026-11-28T09:00:00Z",
        "previous_interaction_id": "v1_Before",
        "input": list(INPUT),
        "outputs": list(OUTPUT),
        **fields,
    }


def google(**fields: object) -> Answering:
    """Serve one interaction. Its input is sent only if the request asks for it."""
    found = interaction(**fields)

    async def answering(exchange: Exchange) -> Answer:
        asked = exchange.asked
        if KEY_HEADER not in asked.headers:
            return _refusal(403, "PERMISSION_DENIED", "The request is missing an API key.")
        match (asked.method, *asked.path.strip("/").split("/")):
            case ("GET", "interactions", "v1_ChdQ-x9=" | "v1_ChdQ-x9%3D"):
                with_input = asked["include_input"] == "true"
                shown = {n: v for n, v in found.items() if with_input or n != "input"}
                return answer(shown)
            case ("GET", "interactions", _):
                return _refusal(404, "NOT_FOUND", "Requested entity was not found.")
            case _:
                return answer("", 404)

    return answering


def _refusal(status: int, name: str, message: str) -> Answer:
    return answer({"error": {"code": status, "message": message, "status": name}}, status)


GOOGLE: Final = Behaviour(
    "interactions whose input and output are fields, without ids, and that no list has",
    "Google, Python SDK google-genai 3.6.1",
    google(),
    {"upstream": "google"},
)
