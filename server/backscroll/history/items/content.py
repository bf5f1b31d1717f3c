"""Reads the text of a message's content, as OpenAI's APIs and similar APIs write it."""

from typing import Any, Final

from backscroll.history.reading.fields import mapping, string

_KINDS: Final = (("image", "image"), ("audio", "audio"), ("video", "video"), ("file", "file"))
"""If the `type` of a part without text contains the first word of a pair, the second is shown."""


def content_text(content: object) -> str:
    """Return the text of `content`: a string, a part, or a list of strings and parts.

    A part without text becomes its kind and the name of its file, such as `[image]` or
    `[file: notes.pdf]`, because its bytes cannot be searched. A part of an unknown type is left
    out.
    """
    if isinstance(content, list):
        return "\n".join(filter(None, (_part_text(part) for part in content)))
    return _part_text(content)


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    fields = mapping(part)
    for name in ("text", "refusal", "content"):
        value = fields.get(name)
        text = string(value) or string(mapping(value).get("value"))
        if text:
            return text
    return _placeholder(fields)


def _placeholder(fields: Any) -> str:  # noqa: ANN401 - JSON
    kind = string(fields.get("type"))
    for mark, word in _KINDS:
        if mark in kind:
            name = string(fields.get("filename")) or string(
                mapping(fields.get("file")).get("filename")
            )
            return f"[{word}: {name}]" if name else f"[{word}]"
    return ""
