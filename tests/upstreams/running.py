"""An upstream with the runs of threads, as Foundry's classic agents have them.

It ignores idempotency keys. The outcome of each write can be planned. A run that is cancelled is
`cancelling` until it is read, and then `cancelled`; both refuse to be cancelled again. Unlike
OpenAI's, a thread takes a run while another one is active, so that a run which is started twice
shows.
"""

import json
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll_tools.models import JSON
from tests.tools.keyless import DONE, Deed

THREAD: Final = "thread_1"
_ACTIVE: Final = frozenset({"queued", "in_progress", "requires_action"})
"""The statuses in which a run can be cancelled (OpenAI API documents, runs)."""


@dataclass
class Running:
    """The upstream.

    Attributes:
        runs: the runs of all threads, newest first.
        deeds: the outcomes of the next writes, in order; later writes succeed.
        asked: the method and path of every request.
        keys: the idempotency keys that were sent.
    """

    runs: list[JSON] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    made: int = 0

    @property
    def route(self) -> Route:
        return Route("/v1/threads/{path:path}", self._answer, methods=["GET", "POST"])

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[self.route])

    def add(self, assistant_id: str = "asst_1", status: str = "queued", **fields: object) -> JSON:
        self.made += 1
        run: JSON = {
            "id": f"run_{self.made}",
            "object": "thread.run",
            "created_at": 1_700_000_000 + self.made,
            "thread_id": THREAD,
            "assistant_id": assistant_id,
            "status": status,
            "metadata": {},
            **fields,
        }
        self.runs.insert(0, run)
        return run

    async def _answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/v1")
        self.asked.append(f"{request.method} {path}")
        assert request.headers["openai-beta"] == "assistants=v2"
        thread_id, _, *parts = path.split("/")[2:]
        query = dict(request.query_params.multi_items())
        if request.method == "POST":
            self.keys += [request.headers.get("idempotency-key", "")]
            act, status = self.deeds.pop(0) if self.deeds else DONE
            body = await request.body()
            try:
                sent = json.loads(body or b"{}")
            except ValueError:  # the network has changed it
                return JSONResponse({"error": {"message": "The body is not JSON."}}, 400)
            reply = self._write(thread_id, parts, sent) if act == "acts" else None
            if status == 200 and reply is not None:
                return reply
            return JSONResponse({"error": {"message": "No."}}, status)
        if parts == []:
            return _listed([run for run in self.runs if run["thread_id"] == thread_id], query)
        if not (found := self._found(thread_id, parts[0])):
            return _missing(parts[0])
        if len(parts) == 1:
            if found["status"] == "cancelling":
                found["status"] = "cancelled"
            return JSONResponse(found)
        if len(parts) == 2:
            return _listed(steps_of(parts[0]), query)
        step = [step for step in steps_of(parts[0]) if step["id"] == parts[2]]
        return JSONResponse(step[0]) if step else _missing(parts[2])

    def _write(self, thread_id: str, parts: list[str], body: JSON) -> Response:
        if not parts:
            fields = {"thread_id": thread_id, "metadata": body.get("metadata", {})}
            return JSONResponse(self.add(body["assistant_id"], **fields))
        found = self._found(thread_id, parts[0])
        if not found:
            return _missing(parts[0])
        if parts[1:] == ["cancel"]:
            if found["status"] not in _ACTIVE:
                message = f"Cannot cancel run with status '{found['status']}'."
                return JSONResponse({"error": {"message": message}}, 400)
            found["status"] = "cancelling"
        else:
            found["metadata"] = body["metadata"]
        return JSONResponse(found)

    def _found(self, thread_id: str, run_id: str) -> JSON:
        wanted = (thread_id, run_id)
        return next((run for run in self.runs if (run["thread_id"], run["id"]) == wanted), {})


def steps_of(run_id: str) -> list[JSON]:
    """Return the steps of a run, newest first."""
    return [
        {
            "id": f"step_{number}",
            "object": "thread.run.step",
            "created_at": 1_700_000_000 + number,
            "thread_id": THREAD,
            "run_id": run_id,
            "type": "tool_calls",
            "status": "completed",
            "step_details": {"type": "tool_calls", "tool_calls": [{"output": "x" * number}]},
        }
        for number in range(25, 0, -1)
    ]


def _listed(rows: list[JSON], query: dict[str, str]) -> Response:
    rows = rows if query.get("order", "desc") == "desc" else rows[::-1]
    ids = [row["id"] for row in rows]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = int(query.get("limit", 20))
    more = len(rows) > start + limit
    return JSONResponse({"object": "list", "data": rows[start : start + limit], "has_more": more})


def _missing(name: str) -> Response:
    return JSONResponse({"error": {"message": f"No object found with id '{name}'."}}, 404)
