"""Groups of routes that are made with the first request below their path."""

from collections.abc import Sequence
from typing import Final

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backscroll.store.deferred_routes import DeferredRoutes


async def list_birds(_request: Request) -> Response:
    """Answer for the list."""
    return PlainTextResponse("birds")


async def get_bird(request: Request) -> Response:
    """Answer for one bird."""
    return PlainTextResponse(request.path_params["bird"])


async def count_birds(_request: Request) -> Response:
    """Answer for the paths that a group may not take for its own."""
    return PlainTextResponse("7")


class Group:
    """Makes the routes, and counts how often."""

    made = 0

    def routes(self) -> Sequence[Route]:
        """Return the routes of birds."""
        self.made += 1
        return [Route("/birds", list_birds), Route("/birds/{bird}", get_bird, methods=["DELETE"])]


GET: Final = ["/birds", "/birds/wren", "/birdsong", "/birds/wren/song", "/", "/birds"]


async def test_a_group_is_made_once_with_the_first_request_below_its_path() -> None:
    group = Group()
    routes = [DeferredRoutes("/birds", group.routes), Route("/birdsong", count_birds)]
    transport = httpx2.ASGITransport(Starlette(routes=routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://store") as http:
        assert (await http.get("/birdsong")).text == "7"
        assert group.made == 0
        replies = [await http.get(path) for path in GET]
        deleted = await http.delete("/birds/wren")
    assert [reply.status_code for reply in replies] == [200, 405, 200, 404, 404, 200]
    assert (replies[0].text, replies[1].headers["allow"]) == ("birds", "DELETE")
    assert (deleted.text, group.made) == ("wren", 1)
