"""An upstream that keeps responses, and creates some of them in the background.

Only those in the background can be cancelled, until they have ended. To cancel one again changes
nothing, and is not refused (Azure AI Foundry; shared facts of its contract tests).
"""

from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll_tools.models import JSON

_ACTIVE: Final = frozenset({"queued", "in_progress"})


@dataclass
class Background:
    """The upstream.

    Attributes:
        rows: the responses by id, oldest first.
        lost: how many of the next replies to writes are replaced by an error.
        asked: the method and path of every request.
    """

    rows: dict[str, JSON]
    lost: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    def routes(self, prefix: str) -> list[Route]:
        """Return its routes, below a path."""
        one = f"{prefix}/responses/{{name}}"
        return [
            Route(f"{prefix}/responses", self._list),
            Route(one, self._answer, methods=["GET", "DELETE"]),
            Route(f"{one}/cancel", self._answer, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        self.asked.append((request.method, "/responses"))
        rows = list(self.rows.values())[::-1]
        return JSONResponse({"object": "list", "data": rows, "has_more": False})

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append((request.method, f"/responses/{name}"))
        if name not in self.rows:
            return _refused(404, f"Response with id '{name}' not found.")
        said = self.rows[name]
        if request.method == "DELETE":
            del self.rows[name]
            said = {"id": name, "object": "response.deleted", "deleted": True}
        if request.method == "POST":
            if not said.get("background"):
                return _refused(400, "Cannot cancel a synchronous response.")
            if said["status"] not in {*_ACTIVE, "cancelled"}:
                return _refused(400, f"Cannot cancel a {said['status']} response.")
            said["status"] = "cancelled"
        if request.method != "GET" and self.lost:
            self.lost -= 1
            return Response("", 502)
        return JSONResponse(said)


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status)
