"""What is logged: to stderr, and never a value that may be message text."""

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

FIELDS: Final = "fields"
"""The attribute of a record that has more to say than a sentence: a mapping."""

request_id_now: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""What the request that is being served is called; empty where there is none."""

_OURS: Final = ("backscroll", "backscroll_tools")


class PlacesOnly(logging.Formatter):
    """Shows an exception as its type and the places it came through: its text may quote data."""

    def formatException(  # noqa: N802 - overrides logging.Formatter
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return an exception's type and the functions and lines that it came through."""
        kind, _, trace = ei
        places = " > ".join(f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(trace))
        return f"{kind.__name__ if kind else 'No exception'} at {places}"


class JsonLines(PlacesOnly):
    """Writes a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object: `time` (RFC 3339), `level`, `logger`, and what the record says."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if request_id := request_id_now.get():
            line["request_id"] = request_id
        fields = getattr(record, FIELDS, None)
        line |= fields if fields is not None else {"message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str, form: str = "text") -> None:
    """Send the log to stderr.

    Args:
        level: the least grave record of Backscroll's own that is shown: `debug`, `info`, `warning`
            or `error`. Of libraries only warnings and errors are, because below that they log
            what they handle.
        form: `text`, or `json` for an object a line.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = PlacesOnly("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
