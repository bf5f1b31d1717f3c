"""The export of Claude.ai."""

from functools import partial
from typing import Final

from backscroll.history.formats.claude_ai.conversations import NAME, read, recognises
from backscroll.history.formats.format import Format

FORMAT: Final = Format(
    name=NAME,
    words="a Claude.ai export",
    recognises=recognises,
    read=read,
    read_branches=partial(read, branches=True),
)
