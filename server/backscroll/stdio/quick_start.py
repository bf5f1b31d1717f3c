"""A stdio server that answers at once: the front first, the SDK's server behind it."""

import gc
import os
import select
import sys
from collections import deque
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from backscroll.mcp.lines import Lines, Overlong
from backscroll.settings.model import Settings
from backscroll.stdio.descriptors import claimed
from backscroll.stdio.front import Front
from backscroll_tools.client.profiles import Profile

if TYPE_CHECKING:
    from types import ModuleType

CHUNK_BYTES: Final = 64 * 1024
"""How many bytes are read at once, at most."""

FIRST_LINE_S: Final = 0.02
"""How many seconds the import lets the host's first line come, which is answered sooner alone."""

FIRST_LINES: Final = 4
"""How many lines the import waits for in this way."""

FOR_THE_FIRST_CALL: Final = ("fastjsonschema", "backscroll.store.app")
"""What the first call imports, imported ahead of it."""

SWITCH_S: Final = 0.0005
"""For how many seconds at most the importing thread keeps the front from answering."""


def run(settings: Settings, profile: Profile) -> None:
    """Serve the tools on stdin and stdout until stdin ends, or SIGTERM or SIGINT comes.

    Args:
        settings: what is served.
        profile: the kind of upstream that the settings choose.

    Raises:
        SystemExit: stdin or stdout is closed.
    """
    with claimed() as (stdin, stdout):
        front, lines = Front(settings, profile), Lines()
        unanswered: deque[bytes | Overlong] = deque()
        loading = _Loading()
        while not unanswered:
            loading.start_when_idle(stdin)
            chunk = os.read(stdin, CHUNK_BYTES)
            if not chunk:
                if not lines.pending:
                    _leave()
                break
            unanswered.extend(lines.feed(chunk))
            while unanswered and (answer := _answered(front, unanswered[0])) is not None:
                unanswered.popleft()
                _write(stdout, answer)
        stdio = loading.result()
        opening = stdio.Opening(front.answered, unanswered, lines)
        stdio.take_over(settings, stdin, stdout, opening)


class _Loading:
    """The import of everything that a call needs, on a thread."""

    def __init__(self) -> None:
        self._thread = Thread(target=self._load, name="import", daemon=True)
        self._served = Event()
        self._failure: BaseException | None = None
        self._chances = FIRST_LINES
        self._interval = sys.getswitchinterval()

    def start_when_idle(self, stdin: int) -> None:
        """Start, unless the host's next line is there or comes in a moment."""
        if self._thread.ident is not None:
            return
        if self._chances and sys.platform != "win32":
            self._chances -= 1
            if select.select([stdin], [], [], FIRST_LINE_S)[0]:
                return
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def result(self) -> "ModuleType":
        """Return the module that serves the rest of the connection, once it is imported."""
        if self._thread.ident is None:
            self._thread.start()
        self._served.wait()
        sys.setswitchinterval(self._interval)
        if self._failure is not None:
            raise self._failure
        return sys.modules["backscroll.stdio.transport"]

    def _load(self) -> None:
        # The import makes only objects that stay: looking for garbage among them is in vain, now
        # and later.
        gc.disable()
        try:
            import_module("backscroll.stdio.transport")
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._failure = error
            return
        finally:
            gc.freeze()
            gc.enable()
            self._served.set()
        for name in FOR_THE_FIRST_CALL:
            import_module(name)
        gc.freeze()  # these stay too: a full collection would hold up a call


def _answered(front: Front, line: bytes | Overlong) -> bytes | None:
    return None if isinstance(line, Overlong) else front.answer(line)


def _write(stdout: int, answer: bytes) -> None:
    while answer:
        answer = answer[os.write(stdout, answer) :]


def _leave() -> None:
    """End the process at once: nothing is open, and what is half imported needs no farewell."""
    sys.stderr.flush()
    os._exit(0)
