"""Recognises the error that a server sends in the place of an answer."""

from backscroll.store.recorder.assembling.lenient_json import JSON


def error_of(name: str, value: JSON) -> JSON | None:
    """Return the error in an event or a body, or None if it has none.

    Servers send `{"error": {…}}`, `{"error": "text"}` (Ollama), and an event of type `error` whose
    fields are those of the error (OpenAI's Responses API).

    Args:
        name: the field `event` of the event; empty if it has none.
        value: its data.

    Returns:
        The error as an object with a `message`.
    """
    error = value.get("error")
    if isinstance(error, dict) and error:
        return {**error, "message": _text(error.get("message"))}
    if isinstance(error, str) and error:
        return {"message": error}
    if value.get("type", name) == "error":
        fields = {key: each for key, each in value.items() if key not in ("error", "type")}
        return {**fields, "message": _text(value.get("message"))}
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
