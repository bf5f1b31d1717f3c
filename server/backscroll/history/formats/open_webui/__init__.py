"""The export of Open WebUI."""

from functools import partial
from typing import Final

from backscroll.history.formats.format import Format
from backscroll.history.formats.open_webui.conversations import NAME, read, recognises

FORMAT: Final = Format(
    name=NAME,
    words="an Open WebUI export",
    recognises=recognises,
    read=read,
    read_branches=partial(read, branches=True),
)
