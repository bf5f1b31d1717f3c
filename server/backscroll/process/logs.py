"""Configures the log, which goes to stderr and never contains message text."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO, TypeAlias

from msgspec import Struct

from backscroll_tools.plain import plain

FIELDS: Final = "fields"
"""The name of the attribute of a log record that contains structured fields, as a mapping."""

request_id_now: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the current request; empty if no request is being handled."""

LINES: Final = 10
"""The maximum number of lines that one logging statement writes in a window of `WINDOW_S`. Further
lines are only counted."""

WINDOW_S: Final = 60.0
"""The time in seconds after which the lines of a logging statement are counted from 0 again."""

_OWN_LOGGERS: Final = ("backscroll", "backscroll_tools")

_UPGRADES: Final = ("Unsupported upgrade request.", "No supported WebSocket library detected.")
"""How uvicorn's warnings about a request for a WebSocket begin. They advise to install a package,
but Backscroll serves none on purpose, and the client learns so from its reply."""


class NoValuesFormatter(logging.Formatter):
    """Formats a record as one line, without an exception's message, which may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, without control characters."""
        return plain(super().format(record).rstrip()).replace("\n", r"\n")

    def formatException(  # noqa: N802 - overrides logging.Formatter
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return an exception's type, and the function names and line numbers of its stack."""
        kind, _, trace = ei
        stack = " > ".join(f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(trace))
        return f"{kind.__name__ if kind else 'No exception'} at {stack}"


class JsonLines(NoValuesFormatter):
    """Formats a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON.

        The object contains the record's structured fields. If the record has none, the object
        contains its text under the key `message`.
        """
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


class _Window(Struct):
    """Counts the lines that one logging statement has written or omitted in a window of time."""

    since: float
    lines: int = 0
    last: logging.LogRecord | None = None
    omitted: int = 0


class BoundedHandler(logging.StreamHandler[TextIO]):
    """Limits the number of lines from each logging statement (call site) in a window of time.

    The limit prevents clients from filling a disk with log lines. Records with structured fields
    are always written, because they belong to authorised requests. After a window has ended, one
    line reports how many lines were omitted in it. This line is written when any call site logs
    again, or when the handler is closed.

    Args:
        stream: the stream to write to.
        lines: the maximum number of lines from one call site in a window.
        window_s: the length of a window in seconds.
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
        self._sites: dict[_CallSite, _Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as omitted."""
        now = self._clock()
        self._report_omitted(now - self._window_s)
        if getattr(record, FIELDS, None) is not None:
            super().emit(record)
            return
        site = (record.name, record.levelno, record.pathname, record.lineno)
        window = self._sites.setdefault(site, _Window(now))
        if window.lines < self._lines:
            window.lines += 1
            super().emit(record)
        else:
            window.last, window.omitted = record, window.omitted + 1

    def close(self) -> None:
        """Report the omitted lines, and close the handler."""
        self._report_omitted(float("inf"))
        super().close()

    def _report_omitted(self, until: float) -> None:
        """End the windows that began at or before `until`, and report their omitted lines."""
        ended = [site for site, window in self._sites.items() if window.since <= until]
        for window in [self._sites.pop(site) for site in ended]:
            if window.last is not None:
                count = f"{window.omitted} more lines like this one were omitted: "
                summary = logging.makeLogRecord(vars(window.last))
                summary.msg, summary.args = f"{count}{window.last.getMessage()}", ()
                summary.exc_info = None
                super().emit(summary)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Return whether a record is written, as far as its text decides that."""
    return record.name != "uvicorn.error" or not record.getMessage().startswith(_UPGRADES)


def configure(level: str, form: str = "text") -> None:
    """Send the log to stderr.

    Args:
        level: the lowest level of Backscroll's records that are written: `debug`, `info`, `warning`
            or `error`. For libraries, it is always `warning`, because they log data at lower
            levels.
        form: `text`, or `json` for one JSON object per line.
    """
    handler = BoundedHandler(sys.stderr)
    handler.addFilter(_is_wanted)
    text = NoValuesFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
