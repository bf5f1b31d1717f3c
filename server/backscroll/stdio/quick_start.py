"""Serves stdio quickly: `stdio.front` answers the first requests while a thread imports the SDK."""

import gc
import os
import select
import stat
import sys
from collections import deque
from contextlib import suppress
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from backscroll.mcp.lines import Lines, Overlong
from backscroll.settings.model import Settings
from backscroll.stdio import sdk_import
from backscroll.stdio.descriptors import claimed
from backscroll.stdio.front import Front
from backscroll_tools.client.profiles import Profile

if TYPE_CHECKING:
    from types import ModuleType

CHUNK_BYTES: Final = 64 * 1024
"""The maximum number of bytes that are read at once."""

FIRST_LINE_S: Final = 0.02
"""How long the front waits for the host's next line before it starts the import of the SDK, in
seconds. If the import started at once, it would delay the replies to the host's first lines."""

FIRST_LINES: Final = 4
"""The maximum number of lines that the front waits for before the import starts."""

FOR_THE_FIRST_CALL: Final = ("fastjsonschema", "backscroll.store.app")
"""Modules that the first tool call needs. They are imported in advance."""

SWITCH_S: Final = 0.0005
"""How long the importing thread may run before it must let the front run, in seconds."""


def run(settings: Settings, profile: Profile) -> None:
    """Serve the tools on stdin and stdout until stdin ends, or SIGTERM or SIGINT arrives.

    Args:
        settings: the operator's settings.
        profile: the kind of upstream that the settings choose.

    Raises:
        SystemExit: stdin or stdout is closed.
    """
    with claimed() as (stdin, stdout):
        front, lines = Front(settings, profile), Lines()
        unanswered: deque[bytes | Overlong] = deque()
        loading = _Loading()
        unsent = b""
        _set_blocking(stdout, blocking=False)
        while not (unanswered or unsent):
            loading.start_when_idle(stdin)
            chunk = _read(stdin)
            if not chunk:
                if not lines.pending:
                    # The parent process may share `stdout`, and expect that writes to it block.
                    _set_blocking(stdout, blocking=True)
                    _exit()
                break
            unanswered.extend(lines.feed(chunk))
            while unanswered and not unsent:
                answer = _answered(front, unanswered[0])
                if answer is None:
                    break
                unanswered.popleft()
                unsent = _write(stdout, answer)
        stdio = loading.result()
        opening = stdio.Opening(front.answered, unanswered, lines, unsent)
        stdio.take_over(settings, stdin, stdout, opening)


class _Loading:
    """Imports, in a thread, the SDK and the modules that the first tool call needs."""

    def __init__(self) -> None:
        self._thread = Thread(target=self._load, name="import", daemon=True)
        self._imported = Event()
        self._failure: BaseException | None = None
        self._lines_to_wait_for = FIRST_LINES
        self._interval = sys.getswitchinterval()

    def start_when_idle(self, stdin: int) -> None:
        """Start importing modules, unless the host's next line arrives within `FIRST_LINE_S`."""
        if self._thread.ident is not None:
            return
        if self._lines_to_wait_for and sys.platform != "win32":
            self._lines_to_wait_for -= 1
            if select.select([stdin], [], [], FIRST_LINE_S)[0]:
                return
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def result(self) -> "ModuleType":
        """Wait for the import, and return the module that serves the rest of the connection."""
        if self._thread.ident is None:
            self._thread.start()
        self._imported.wait()
        sys.setswitchinterval(self._interval)
        if self._failure is not None:
            raise self._failure
        return sys.modules["backscroll.stdio.transport"]

    def _load(self) -> None:
        # The objects that the import creates are permanent, so scanning them for garbage would
        # waste time, now and later.
        gc.disable()
        try:
            self._import_transport()
            if self._failure is None:
                for name in FOR_THE_FIRST_CALL:
                    import_module(name)
        finally:
            gc.freeze()
            gc.enable()

    def _import_transport(self) -> None:
        try:
            sdk_import.postpone()
            import_module("backscroll.stdio.transport")
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._failure = error
        finally:
            self._imported.set()


def _answered(front: Front, line: bytes | Overlong) -> bytes | None:
    return None if isinstance(line, Overlong) else front.answer(line)


def _set_blocking(stdout: int, *, blocking: bool) -> None:
    """Set whether writes to a pipe or socket wait for the host to read.

    While a write waits, the front does not notice that stdin has ended. On Windows, writes always
    wait.
    """
    kinds = (stat.S_IFIFO, stat.S_IFSOCK)
    if sys.platform != "win32" and stat.S_IFMT(os.fstat(stdout).st_mode) in kinds:
        os.set_blocking(stdout, blocking)


def _read(stdin: int) -> bytes:
    if sys.platform != "win32":
        # Wait for input here: if stdin and stdout are the same socket, `os.read` does not wait,
        # because the socket was set to non-blocking mode for stdout.
        select.select([stdin], [], [])
    return os.read(stdin, CHUNK_BYTES)


def _write(stdout: int, answer: bytes) -> bytes:
    """Write an answer, and return the part that has to wait until the host has read more."""
    with suppress(BlockingIOError):
        while answer:
            answer = answer[os.write(stdout, answer) :]
    return answer


def _exit() -> None:
    """Exit at once. No database or upstream is open, and an unfinished import needs no cleanup."""
    sys.stderr.flush()
    os._exit(0)
