"""What is logged: to stderr, and never a value that may be message text."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO, TypeAlias

from backscroll_tools.plain import plain

FIELDS: Final = "fields"
"""The attribute of a record that has more to say than a sentence: a mapping."""

request_id_now: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""What the request that is being served is called; empty where there is none."""

LINES: Final = 10
"""How many lines one place in the code may write in `WINDOW_S`; the rest is counted."""

WINDOW_S: Final = 60.0
"""Over how many seconds lines are counted."""

_OURS: Final = ("backscroll", "backscroll_tools")


class PlacesOnly(logging.Formatter):
    """Shows an exception as its type and the places it came through: its text may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, with nothing in it that a terminal obeys."""
        return plain(super().format(record).rstrip()).replace("\n", r"\n")

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


_Place: TypeAlias = tuple[str, int, str, int]


@dataclass(slots=True)
class _Written:
    """What one place has written since a time, and how much it did not."""

    since: float
    lines: int = 0
    last: logging.LogRecord | None = None
    left_out: int = 0


class BoundedHandler(logging.StreamHandler[TextIO]):
    """Writes a few lines a minute from each place in the code, and then how many more there were.

    So nobody who sends requests can fill a disk with lines about them. A record with `FIELDS` is
    written whatever there was before: there is one for each call that was let through. How many
    were left out is written with the next line from anywhere, or at the end.

    Args:
        stream: where lines go.
        lines: of one place, in a window.
        window_s: the window in seconds.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        lines: int = LINES,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream)
        self._lines = lines
        self._window_s = window_s
        self._clock = clock
        self._places: dict[_Place, _Written] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        now = self._clock()
        self._sum_up(now - self._window_s)
        if getattr(record, FIELDS, None) is not None:
            super().emit(record)
            return
        place = (record.name, record.levelno, record.pathname, record.lineno)
        written = self._places.setdefault(place, _Written(now))
        if written.lines < self._lines:
            written.lines += 1
            super().emit(record)
        else:
            written.last, written.left_out = record, written.left_out + 1

    def close(self) -> None:
        """Write what was counted, and close."""
        self._sum_up(float("inf"))
        super().close()

    def _sum_up(self, until: float) -> None:
        """Forget what was written before a time, and say how much was left out."""
        ended = [place for place, written in self._places.items() if written.since <= until]
        for written in [self._places.pop(place) for place in ended]:
            if written.last is not None:
                said = f"{written.left_out} more lines like this one were left out: "
                about = logging.makeLogRecord(vars(written.last))
                about.msg, about.args = f"{said}{written.last.getMessage()}", ()
                about.exc_info = None
                super().emit(about)


def configure(level: str, form: str = "text") -> None:
    """Send the log to stderr.

    Args:
        level: the least grave record of Backscroll's own that is shown: `debug`, `info`, `warning`
            or `error`. Of libraries only warnings and errors are, because below that they log
            what they handle.
        form: `text`, or `json` for an object a line.
    """
    handler = BoundedHandler(sys.stderr)
    text = PlacesOnly("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
