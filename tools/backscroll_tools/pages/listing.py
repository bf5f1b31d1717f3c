"""Reads one page of a list, and returns it as the result of a tool."""

import anyio

from backscroll_tools.client.replies import CONTRARY
from backscroll_tools.errors import ToolError
from backscroll_tools.pages.bound import BoundedPage
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.source import Item, Source
from backscroll_tools.pages.stop import GONE, Stop
from backscroll_tools.pages.walk import Walk, too_late
from backscroll_tools.spans import span
from backscroll_tools.tool import Call, Result


async def read_page(
    call: Call, shape: Shape, start: ListPosition, source: Source[Item], limit: int
) -> Result:
    """Return the page that starts at a position.

    Args:
        call: the call, whose limits apply to the page.
        shape: the shape of the result.
        start: the position that the page starts from.
        source: the list, which returns items in `start.walk_order`.
        limit: the maximum number of items on the page; 1 to 500.

    Raises:
        ToolError: the upstream's failure or `deadline_exceeded`, if nothing has been read yet;
            `upstream_invalid` if the call uses `before` and the upstream ignores `order`.
    """
    page = BoundedPage(shape, start, call.bounds)
    warning = ""
    if start.preview:
        # An earlier page has shown the start of this item. The call asks for previews, which are
        # only the starts of items, so the rest of this item is left out.
        page.skip_rest()
    elif start.inside is not None:
        item = None
        with anyio.CancelScope(deadline=call.ends_at) as scope:
            item = await source.item(start.position)
        if scope.cancelled_caught:
            raise too_late()
        if item is None:
            page.skip_rest()
            warning = GONE
        elif not page.take_rest(item):
            return page.result(Stop("size", has_more=True, ignores_after=start.ignores_after))
    walk = Walk(
        limit,
        call.bounds.requests,
        call.ends_at,
        call.report,
        promised=start.continued and start.inside is None,
        ignores_after=start.ignores_after,
        checks_after=not (start.continued or call.client.upstream.profile.trusts_has_more),
    )
    with span("walk", {"backscroll.limit": limit}) as recorded:
        stop = await walk.over(source, start.position, page.take, page.fits, page.returned)
        recorded.set_attribute("backscroll.returned", page.returned)
        recorded.set_attribute("backscroll.stopped_by", stop.by)
    if start.backward and CONTRARY in stop.warning:
        raise ToolError(
            "upstream_invalid",
            "The upstream sent items in reverse order, so items before an id cannot be requested.",
            next_step="Call again without before, and continue with next_cursor.",
        )
    return page.result(stop.warned(warning))
