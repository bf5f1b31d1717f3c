"""`backscroll view` as a process."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.server.command_line import COMMAND, variables


@contextmanager
def viewing(database: str, *words: str) -> Iterator[str]:
    """Run `backscroll view` over a database, and yield the link that it prints.

    Args:
        database: the URL of the store's database.
        words: further arguments of the command, such as the id of a thread.
    """
    with subprocess.Popen(
        [*COMMAND, "view", "--no-browser", *words],
        env=variables(database=database),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as server:
        assert server.stderr is not None
        try:
            server.stderr.readline()
            yield server.stderr.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)
