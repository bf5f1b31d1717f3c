"""The export of ChatGPT."""

from typing import Final

from backscroll.history.formats.chatgpt.conversations import NAME, read, read_abandoned, recognises
from backscroll.history.formats.format import Format

FORMAT: Final = Format(
    name=NAME,
    words="a ChatGPT export",
    recognises=recognises,
    read=read,
    read_branches=read_abandoned,
)
