"""Logs of the command-line program `llm`."""

from typing import Final

from backscroll.history.formats.format import Format
from backscroll.history.formats.llm.conversations import NAME, read, recognises

FORMAT: Final = Format(
    name=NAME,
    words="a log of llm",
    recognises=recognises,
    read=read,
)
