"""A key and a message's text are in the request and the result, and nowhere else."""

import json
import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from backscroll.process.logs import configure
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Result
from backscroll_tools.writes.journal import journal_of
from tests.faults.figures import record, sized
from tests.faults.plans import drawing
from tests.faults.proxy import Proxy
from tests.faults.upstream import HURRIED, Kind, Served, client_of
from tests.pace import limit_s, paced_s

CALLS: Final = sized(quick=100, long=1_000)
KEY: Final = "sk-canary-7f1e9b"
TEXT: Final = "canary text 5d2c8a"
_TOOLS: Final = {tool.name: tool for tool in TOOLS}


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """All that any logger says, at DEBUG, as the handler of a host would see it."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))
            lines.append(repr(record.args))

    root = logging.getLogger()
    keeper, level = Keeper(), root.level
    root.addHandler(keeper)
    yield lines
    root.removeHandler(keeper)
    root.setLevel(level)


def _told(error: BaseException) -> str:
    """Return all that an exception says of itself, and of those behind it."""
    return "".join(
        (
            *traceback.format_exception(error),
            *(repr(each) + str(each) + repr(vars(each)) for each in _chain(error)),
        )
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


@pytest.mark.timeout(limit_s(sized(quick=60, long=600)))
@pytest.mark.parametrize("kind", ["store", "threads", "conversations"])
async def test_neither_a_key_nor_a_text_shows_where_it_does_not_belong(
    served: Served,
    kind: Kind,
    seed: int,
    logged: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("debug")
    # Beyond what an operator can choose: libraries too, but for the database's of the upstream.
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
    endings: Counter[str] = Counter()
    found: list[str] = []
    thread = await served.new(kind)
    proxy = Proxy(served.port, strips_keys=kind != "store")
    async with proxy.serving(), client_of(proxy, HURRIED[kind], KEY) as client:
        for number in range(CALLS // 3 + 1):
            proxy.begin(drawing(f"{seed}/{number}", 0.8))
            name, arguments = _one(number, thread)
            call = Call.begin(client, Bounds(deadline_s=paced_s(0.3)))
            told = "".join(map(repr, (call, client, client.upstream, journal_of(client))))
            try:
                result = await _TOOLS[name].run(call, arguments)
            except ToolError as error:
                endings[error.code] += 1
                told += error.render() + _told(error)
            else:
                endings["done"] += 1
                told += _without_texts(result)
            if KEY in told or TEXT in told:
                found.append(f"{name} {number}: {told}")
            await proxy.quiet()
    printed = capsys.readouterr()
    logs = "\n".join((*logged, printed.err, printed.out))
    leaks = [line for line in logs.splitlines() if KEY in line or TEXT in line]
    assert (found, leaks) == ([], []), f"seed {seed}"
    assert "POST" in logs  # something was logged
    assert endings.total() - endings["done"] > CALLS // 30, endings
    record(
        f"canary key and canary text over faulted calls, {kind}",
        f"{endings.total():,} calls, {endings.total() - endings['done']:,} of them failed, "
        "logs at DEBUG: 0 occurrences outside request and result",
    )


def _one(number: int, thread: str) -> tuple[str, JSON]:
    if number % 2 == 0:
        return "create-message", {"thread_id": thread, "role": "user", "content": TEXT}
    return "list-messages", {"thread_id": thread, "limit": 100}


def _without_texts(result: Result) -> str:
    """Return a result without the messages, which are what was asked for."""
    kept = {name: value for name, value in result.structured.items() if name != "messages"}
    text = result.text if "messages" not in result.structured else ""
    return text + json.dumps(kept)
