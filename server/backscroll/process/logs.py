"""The log: it goes to stderr, and never contains a value that may be message text."""

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
"""The attribute of a record that holds its structured fields, a mapping."""

request_id_now: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the request that is being served; empty outside of a request."""

LINES: Final = 10
"""How many lines one logging call in the code may write in `WINDOW_S`; the rest are counted."""

WINDOW_S: Final = 60.0
"""The seconds over which lines are counted."""

_OURS: Final = ("backscroll", "backscroll_tools")


class NoValuesFormatter(logging.Formatter):
    """Shows only the type and the stack of an exception, because its text may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, without control characters."""
        return plain(super().format(record).rstrip()).replace("\n", r"\n")

    def formatException(  # noqa: N802 - overrides logging.Formatter
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return an exception's type and its stack, as functions and lines."""
        kind, _, trace = ei
        stack = " > ".join(f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(trace))
        return f"{kind.__name__ if kind else 'No exception'} at {stack}"


class JsonLines(NoValuesFormatter):
    """Formats a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object: `time` (RFC 3339), `level`, `logger`, and its message or fields."""
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


_CallSite: TypeAlias = tuple[str, int, str, int]


@dataclass(slots=True)
class _Written:
    """How many lines one call site has written since a time, and how many were left out."""

    since: float
    lines: int = 0
    last: logging.LogRecord | None = None
    left_out: int = 0


class BoundedHandler(logging.StreamHandler[TextIO]):
    """Limits how many lines each call site writes a minute, and reports how many were left out.

    So nobody can fill a disk with log lines by sending requests. A record with `FIELDS` is always
    written, because only calls that were let through have fields. The number of lines that were
    left out is written before the next line from any call site, or at the end.

    Args:
        stream: the stream to write to.
        lines: the most lines of one call site in a window.
        window_s: the window in seconds.
        clock: returns the time in seconds.
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
        self._sites: dict[_CallSite, _Written] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        now = self._clock()
        self._report_left_out(now - self._window_s)
        if getattr(record, FIELDS, None) is not None:
            super().emit(record)
            return
        site = (record.name, record.levelno, record.pathname, record.lineno)
        written = self._sites.setdefault(site, _Written(now))
        if written.lines < self._lines:
            written.lines += 1
            super().emit(record)
        else:
            written.last, written.left_out = record, written.left_out + 1

    def close(self) -> None:
        """Report the lines that were left out, and close."""
        self._report_left_out(float("inf"))
        super().close()

    def _report_left_out(self, until: float) -> None:
        """End the windows that began before a time, and report the lines they left out."""
        ended = [site for site, written in self._sites.items() if written.since <= until]
        for written in [self._sites.pop(site) for site in ended]:
            if written.last is not None:
                count = f"{written.left_out} more lines like this one were left out: "
                summary = logging.makeLogRecord(vars(written.last))
                summary.msg, summary.args = f"{count}{written.last.getMessage()}", ()
                summary.exc_info = None
                super().emit(summary)


def configure(level: str, form: str = "text") -> None:
    """Send the log to stderr.

    Args:
        level: the least severe level at which Backscroll's own records are shown: `debug`, `info`,
            `warning` or `error`. Libraries' records are shown from `warning` on, because below
            that they log the data they handle.
        form: `text`, or `json` for one object on each line.
    """
    handler = BoundedHandler(sys.stderr)
    text = NoValuesFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
