"""Reads the error message and the error code from the body of a failed HTTP response.

The known formats are OpenAI's `{"error": {"message", "type", "param", "code"}}`, FastAPI's
`{"detail": …}`, Mistral's `{"message": …}`, and the formats of proxies.
"""

from typing import Final, cast

from pydantic_core import from_json

from backscroll_tools.plain import plain

SENTENCE_CHARS: Final = 300
"""The maximum number of characters of an upstream's message that an error quotes."""

BODY_BYTES: Final = 65_536
"""The maximum size of a body that is searched for a message, in bytes."""


def sentence_and_code(body: bytes) -> tuple[str, str]:
    """Return the upstream's error message and error code. Each is empty if the body lacks it.

    The message is put on one line and cut to 300 characters.
    """
    if len(body) > BODY_BYTES:
        return "", ""
    try:
        value: object = from_json(body)
    except ValueError:
        return "", ""
    match value:
        case {"error": {"message": str() as message, **rest}}:
            code = cast("dict[str, object]", rest).get("code")
            return _line(message), code if isinstance(code, str) else ""
        case {"error": str() as message} | {"detail": str() as message}:
            return _line(message), ""
        case {"message": str() as message}:
            return _line(message), ""
        case {"detail": [{"msg": str() as message, "loc": [_, *names]}, *_]}:
            return _line(f"{'.'.join(map(str, names))}: {message}"), ""
        case _:
            return "", ""


def _line(text: str) -> str:
    return plain(" ".join(text.split())[:SENTENCE_CHARS])[:SENTENCE_CHARS]
