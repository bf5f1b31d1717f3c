"""Session logs of Codex.

Each line is an item of the model's API, an event for the program's window, or bookkeeping. Most
messages are in the log twice, as an item and as an event. `payloads` makes an item of each;
`reported` recognises the repetition; and `thread` reads the lines and collects the thread's facts.
"""

from typing import Final

from backscroll.history.files.sample import Sample
from backscroll.history.formats.codex.following import Following
from backscroll.history.formats.codex.reading import NAME, read
from backscroll.history.formats.format import Format

_KINDS: Final = frozenset({"session_meta", "response_item", "event_msg", "turn_context"})


def _recognises(sample: Sample) -> bool:
    if sample.kind != "lines" or not sample.records:
        return False
    if any(
        isinstance(record.get("payload"), dict) and str(record.get("type")) in _KINDS
        for record in sample.records
    ):
        return True
    first = sample.records[0]
    return (
        "instructions" in first
        and "timestamp" in first
        and ("id" in first or "session_id" in first)
    )


FORMAT: Final = Format(
    name=NAME,
    words="a session log of Codex",
    recognises=_recognises,
    read=read,
    follow=Following,
)
