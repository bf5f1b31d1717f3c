"""An upstream with the runs of threads, as Foundry's classic agents have them.

It ignores idempotency keys. The outcome of each write can be planned.
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
_ENDED: Final = frozenset({"cancelled", "completed", "failed"})


@dataclass
class Running:
    """The upstream.

    Attributes:
        runs: the runs, newest first.
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
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/{path:path}", self._answer, methods=["GET", "POST"])])

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
        parts = path.split("/")[4:]
        query = dict(request.query_params.multi_items())
        if request.method == "POST":
            self.keys += [request.headers.get("idempotency-key", "")]
            act, status = self.deeds.pop(0) if self.deeds else DONE
            body = await request.body()
            reply = self._write(parts, json.loads(body or b"{}")) if act == "acts" else None
            if status == 200 and reply is not None:
                return reply
            return JSONResponse({"error": {"message": "No."}}, status)
        if parts == []:
            return _listed(self.runs, query)
        if not (found := self._found(parts[0])):
            return _missing(parts[0])
        if len(parts) == 1:
            return JSONResponse(found)
        if len(parts) == 2:
            return _listed(steps_of(parts[0]), query)
        step = [step for step in steps_of(parts[0]) if step["id"] == parts[2]]
        return JSONResponse(step[0]) if step else _missing(parts[2])

    def _write(self, parts: list[str], body: JSON) -> Response:
        if not parts:
            return JSONResponse(self.add(body["assistant_id"], metadata=body.get("metadata", {})))
        found = self._found(parts[0])
        if not found:
            return _missing(parts[0])
        if parts[1:] == ["cancel"]:
            if found["status"] in _ENDED:
                message = f"Cannot cancel run with status '{found['status']}'."
                return JSONResponse({"error": {"message": message}}, 400)
            found["status"] = "cancelled"
        else:
            found["metadata"] = body["metadata"]
        return JSONResponse(found)

    def _found(self, run_id: str) -> JSON:
        return next((run for run in self.runs if run["id"] == run_id), {})


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
