"""The log as JSON lines, for log collectors."""

import json
import signal
from pathlib import Path

from tests.http.serving import post, started


async def test_each_line_is_an_object_with_the_request_that_it_is_about(tmp_path: Path) -> None:
    params = {"name": "list-messages", "arguments": {"thread_id": "thread_1"}}
    more = {"x-request-id": "request-9"}
    async with started(tmp_path / "store.db", log_format="json") as server:
        await post(server.url, "tools/call", params, more=more)
        server.tell(signal.SIGTERM)
        assert await server.ended() == 0
        assert server.process.stderr is not None
        said = (await server.process.stderr.read()).decode()

    (line,) = [json.loads(line) for line in said.splitlines()]
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") > 0
    assert line == {
        "level": "info",
        "logger": "backscroll.audit",
        "request_id": "request-9",
        "caller": "anyone",
        "caller_id": "",
        "tool": "list-messages",
        "thread_id": "thread_1",
        "outcome": "not_found",
    }
