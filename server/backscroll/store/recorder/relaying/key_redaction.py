"""Removes the operator's key from errors: some model servers quote the key that they refuse.

Only errors are changed. The key may be a word that answers have as well, such as `none`, because
many model servers on the same machine need no key.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

import httpx2

from backscroll.store.recorder.assembling.lenient_json import JSON, parse_object
from backscroll.store.recorder.assembling.sse_events import MAX_EVENT_BYTES

_REDACTED: Final = b"[redacted]"


def headers_without_key(headers: httpx2.Headers, key: str) -> httpx2.Headers:
    """Return the headers of an error without the key.

    Args:
        headers: the headers.
        key: the operator's key; empty if there is none.
    """
    if not key:
        return headers
    quoted = _quoted(key)
    return httpx2.Headers([(name, quoted.sub(_REDACTED, value)) for name, value in headers.raw])


def without_key(body: bytes, key: str, *, is_error: bool) -> bytes:
    """Return a body that is not streamed, without the key if it is an error.

    Args:
        body: the body.
        key: the operator's key; empty if there is none.
        is_error: whether its status says that it is an error. A few servers send one with 200.
    """
    if not key:
        return body
    quoted = _quoted(key)
    is_changed = quoted.search(body) and (is_error or not _is_answer(body))
    return quoted.sub(_REDACTED, body) if is_changed else body


async def lines_without_key(parts: AsyncIterator[bytes], key: str) -> AsyncIterator[bytes]:
    """Yield the bytes of a stream of events, without the key in its errors.

    If there is a key, only whole lines are yielded, so that the key is recognised wherever the
    bytes are divided. A line longer than `MAX_EVENT_BYTES`, which no reader takes, is left as it
    is.

    Args:
        parts: the bytes of the stream.
        key: the operator's key; empty if there is none.
    """
    quoted, held = _quoted(key), bytearray()
    async for part in parts:
        if not key:
            yield part
            continue
        held += part
        end = max(part.rfind(b"\n"), part.rfind(b"\r")) + 1
        whole = len(held) - len(part) + end if end else 0
        if not end and len(held) > MAX_EVENT_BYTES:
            whole = len(held)
        if whole:
            yield _redacted(bytes(held[:whole]), quoted)
            del held[:whole]
    if held:
        yield _redacted(bytes(held), quoted)


def _quoted(key: str) -> re.Pattern[bytes]:
    """Return what finds the key, also if some of its characters are escaped as in JSON."""
    return re.compile("".join(map(_forms, key)).encode())


def _forms(char: str) -> str:
    """Return what finds a character. Servers escape different ones, but no letters or digits."""
    plain = re.escape(char)
    if (char.isascii() and char.isalnum()) or char in "-._":
        return plain
    return rf"(?:\\{plain}|\\u(?i:{ord(char):04x})|{plain})"


def _redacted(lines: bytes, quoted: re.Pattern[bytes]) -> bytes:
    if not quoted.search(lines):
        return lines
    return b"".join(
        line if _is_answer(line.removeprefix(b"data:")) else quoted.sub(_REDACTED, line)
        for line in lines.splitlines(keepends=True)
    )


def _is_answer(text: bytes) -> bool:
    """Return whether a text is the JSON of an answer, or of a part of one, and not of an error."""
    value = parse_object(text.strip())
    if value is None or _has_error(value):
        return False
    response, kind = value.get("response"), value.get("type")
    if isinstance(response, dict) and _has_error(response):
        return False
    is_event = isinstance(kind, str) and kind.startswith("response.")
    return is_event or "choices" in value or "output" in value


def _has_error(value: JSON) -> bool:
    return bool(value.get("error"))
