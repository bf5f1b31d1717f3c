"""Session logs of Claude Code.

A log has a line for each block of a message, and lines of other kinds between them. `scan` reads
all lines and keeps the links between them. `tree` finds the lines that belong to the conversation.
`reading` makes items of these lines.
"""

from functools import partial
from typing import Final

from backscroll.history.files.sample import Sample
from backscroll.history.formats.claude_code.following import Following
from backscroll.history.formats.claude_code.reading import NAME, read
from backscroll.history.formats.format import Format

_KINDS: Final = frozenset({"user", "assistant", "summary", "system"})


def _recognises(sample: Sample) -> bool:
    if sample.kind != "lines":
        return False
    for record in sample.records:
        if "sessionId" in record and isinstance(record.get("message"), dict):
            return True
        if record.get("type") == "summary" and "leafUuid" in record:
            return True
        if "parentUuid" in record and str(record.get("type")) in _KINDS:
            return True
    return False


FORMAT: Final = Format(
    name=NAME,
    words="a session log of Claude Code",
    recognises=_recognises,
    read=read,
    follow=Following,
    read_branches=partial(read, branches=True),
)
