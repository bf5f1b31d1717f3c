"""Routes that are imported with the first request below their path.

An agent waits for its first page until the store is imported, and most agents never need these.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class DeferredRoutes(BaseRoute):
    """A group of routes below one path."""

    def __init__(self, path: str, load: Callable[[], Sequence[BaseRoute]]) -> None:
        """Take the path and what returns the routes.

        Args:
            path: the path of the group, such as `/v1/assistants`. The group has this path and all
                paths below it.
            load: returns the routes. It is called once, with the first request.
        """
        self._path = path
        self._load = load

    @cached_property
    def _routes(self) -> Sequence[BaseRoute]:
        return self._load()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return the best match of the group's routes, as Starlette's router looks for it."""
        path: str = scope["path"]
        best: tuple[Match, Scope] = (Match.NONE, {})
        if path != self._path and not path.startswith(self._path + "/"):
            return best
        for route in self._routes:
            match, child_scope = route.matches(scope)
            if match.value > best[0].value:
                best = match, {**child_scope, "route": route}
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route answer that `matches` found."""
        route: BaseRoute = scope["route"]
        await route.handle(scope, receive, send)
