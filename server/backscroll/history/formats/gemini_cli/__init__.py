"""Sessions of Gemini CLI, which older versions write as one JSON document and newer ones as a log.

`session` applies the changes that a log records, and `messages` converts a message to items.
"""

from collections.abc import Mapping
from typing import Any, Final

from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.formats.gemini_cli.reading import NAME, read


def _recognises(sample: Sample) -> bool:
    match sample.kind:
        case "object":
            return any(_begins(record) and "messages" in record for record in sample.records)
        case "lines":
            return any(map(_begins, sample.records))
        case _:
            return False


def _begins(record: Mapping[str, Any]) -> bool:
    return "sessionId" in record and "projectHash" in record


FORMAT: Final = Format(
    name=NAME,
    words="a session of Gemini CLI",
    recognises=_recognises,
    read=read,
)
