"""The export of ChatGPT."""

from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from backscroll.history.formats.chatgpt.conversations import NAME, read, recognises
from backscroll.history.formats.format import Format

_COMPANIONS: Final = (
    *("chat.html", "user.json", "user_settings.json", "message_feedback.json"),
    *("shared_conversations.json", "export_manifest.json", "model_comparisons.json", "sora.json"),
    *("file-*", "file_*", "*.png", "*.jpg", "*.jpeg", "*.webp", "*.gif", "*.wav", "*.mp4", "*.pdf"),
)


def _is_companion(name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in _COMPANIONS)


FORMAT: Final = Format(
    name=NAME,
    words="a ChatGPT export",
    recognises=recognises,
    read=read,
    read_branches=partial(read, branches=True),
    is_companion=_is_companion,
)
