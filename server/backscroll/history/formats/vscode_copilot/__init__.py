"""Chats of VS Code with Copilot."""

from typing import Final

from backscroll.history.formats.format import Format
from backscroll.history.formats.vscode_copilot.chats import NAME, read, recognises

FORMAT: Final = Format(
    name=NAME,
    words="a chat of VS Code",
    recognises=recognises,
    read=read,
)
