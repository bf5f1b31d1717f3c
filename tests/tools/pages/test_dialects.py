"""Every way in which a list is divided into pages is walked alike, whatever the upstream says."""

import json
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll_tools.client import requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.dialects import (
    BY_ITEM,
    BY_LAST_ID,
    BY_NEXT,
    BY_NEXT_PAGE,
    BY_NUMBER,
    ONE_PAGE,
    TOKEN_CHARS,
    Dialect,
    Place,
)
from backscroll_tools.client.groups import CONVERSATIONS
from backscroll_tools.client.profiles import COMPATIBLE, OPENAI, Upstream
from backscroll_tools.client.replies import MOVED
from backscroll_tools.models import JSON
from backscroll_tools.object_lists import ObjectList
from backscroll_tools.pages.cursor import KEY, ListPosition, decode
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.stop import STUCK
from backscroll_tools.tool import Bounds, Call

DIALECTS: Final = {
    "item": BY_ITEM,
    "last_id": BY_LAST_ID,
    "next": BY_NEXT,
    "next_page": BY_NEXT_PAGE,
    "number": BY_NUMBER,
    "one page": ONE_PAGE,
}
_SHAPE: Final = Shape("objects", "object")
_PAGES: Final = 600


@dataclass
class Wire(httpx2.AsyncBaseTransport):
    """Serves one list in some dialect, perhaps with a fault."""

    dialect: Dialect
    rows: list[str]
    fault: str = ""
    asked: int = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        body = json.dumps(self._reply(dict(request.url.params.multi_items()))).encode()
        return httpx2.Response(200, stream=httpx2.ByteStream(body))

    def _reply(self, query: dict[str, str]) -> object:
        kind = self.dialect.next_is
        if kind == "nothing":
            return {"object": "list", "data": _objects(self.rows)}
        limit = int(query[self.dialect.limit])
        assert 1 <= limit <= self.dialect.most
        if kind == "number":
            start = int(query["page"]) * limit
            return _objects(self.rows[start : start + limit])
        after = query.get(self.dialect.parameter, "")
        if self.fault == "stands still":
            after = ""
        named = after.removeprefix("at=+/") if kind == "page" else after
        if self.fault == "empty pages" and after:
            return self._page([], more=True, last=named)
        start = self.rows.index(named) + 1 if named in self.rows else 0
        rows = self.rows[start : start + limit]
        return self._page(rows, more=len(self.rows) > start + limit, last=rows[-1] if rows else "")

    def _page(self, rows: list[str], *, more: bool, last: str) -> JSON:
        reply: JSON = {"object": "list", "data": _objects(rows), "has_more": more}
        if self.dialect.next_is == "page":
            reply[self.dialect.next_in] = f"at=+/{last}" if more else None
        else:
            reply["last_id"] = last or None
        if self.fault == "no has_more":
            del reply["has_more"]
        if self.fault == "no next" and self.dialect.next_in:
            del reply[self.dialect.next_in]
        return reply


def _objects(ids: list[str]) -> list[JSON]:
    return [{"id": name, "object": "thing"} for name in ids]


@dataclass
class Walker:
    """Reads a list page by page, each page by a new call."""

    wire: Wire
    trusted: bool = True

    async def page(self, cursor: str, limit: int, chars: int = 60_000) -> JSON:
        """Return the page of a cursor, or the first page."""
        upstream = Upstream(OPENAI if self.trusted else COMPATIBLE, "http://upstream.invalid/v1")
        call = Call.begin(
            Client(httpx2.AsyncClient(transport=self.wire), upstream), Bounds(result_chars=chars)
        )
        start = ListPosition("list-objects", "", "desc")
        if cursor:
            start = decode(cursor, "list-objects", "", KEY)
        source = ObjectList(
            call.client,
            start,
            lambda window: requests.listing(
                CONVERSATIONS, CONVERSATIONS.root, window, self.wire.dialect
            ),
            lambda raw: {"id": raw["id"]},
        )
        return (await read_page(call, _SHAPE, start, source, limit)).structured

    async def pages(self, limit: int, chars: int = 60_000) -> list[JSON]:
        """Return all pages that the cursors lead to."""
        found = [await self.page("", limit, chars)]
        while cursor := found[-1]["page"]["next_cursor"]:
            assert len(found) < _PAGES
            found.append(await self.page(cursor, limit, chars))
        return found


def shown(pages: list[JSON]) -> list[str]:
    return [item["id"] for page in pages for item in page["objects"]]


def ending(page: JSON) -> tuple[bool, str]:
    return page["page"]["has_more"], page["page"].get("warning", "")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@settings(max_examples=12, deadline=None)
@given(count=st.integers(0, 230), limit=st.integers(1, 130), trusted=st.booleans())
async def test_a_list_is_read_whole_and_in_order_in_every_dialect(
    dialect: Dialect, count: int, limit: int, trusted: bool
) -> None:
    rows = [f"id_{number}" for number in range(count)]
    limit = max(limit, count // 20)
    pages = await Walker(Wire(dialect, rows), trusted).pages(limit)

    assert shown(pages) == rows
    assert ending(pages[-1]) == (False, "")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@settings(max_examples=12, deadline=None)
@given(data=st.data(), limit=st.integers(1, 9))
async def test_what_stays_in_a_list_is_shown_once_while_other_objects_are_deleted(
    dialect: Dialect, data: st.DataObject, limit: int
) -> None:
    wire = Wire(dialect, [f"id_{number}" for number in range(30)])
    walker, pages = Walker(wire), []
    cursor: str | None = ""
    while cursor is not None:
        pages.append(await walker.page(cursor, limit))
        cursor = pages[-1]["page"]["next_cursor"]
        # A cursor that names a deleted object is the upstream's own affair, so the last one stays.
        others = [name for name in wire.rows if name != shown(pages)[-1]]
        gone = data.draw(st.sampled_from(others)) if others else ""
        if dialect.next_is != "number" or gone not in shown(pages):
            wire.rows = [name for name in wire.rows if name != gone]

    names = shown(pages)
    assert len(names) == len(set(names))
    if all(MOVED not in ending(page)[1] for page in pages):
        assert set(wire.rows) <= set(names)


@pytest.mark.parametrize("dialect", [BY_NEXT_PAGE, ONE_PAGE], ids=["next_page", "one page"])
async def test_a_page_is_continued_in_the_middle_after_its_last_shown_object_was_deleted(
    dialect: Dialect,
) -> None:
    rows = [f"id_{number}" for number in range(80)]
    wire = Wire(dialect, list(rows))
    walker = Walker(wire)
    first = await walker.page("", 80, chars=2_000)
    assert first["page"]["stopped_by"] == "size"
    wire.rows.remove(shown([first])[-1])
    second = await walker.page(first["page"]["next_cursor"], 100)

    assert shown([first, second]) == rows
    assert ending(second) == (False, MOVED)


@pytest.mark.parametrize("dialect", [BY_ITEM, BY_LAST_ID, BY_NEXT, BY_NEXT_PAGE])
@pytest.mark.parametrize("fault", ["stands still", "empty pages"])
@pytest.mark.parametrize("limit", [30, 150])
async def test_a_list_that_leads_nowhere_ends_with_a_warning_and_never_shows_an_object_twice(
    dialect: Dialect, fault: str, limit: int
) -> None:
    wire = Wire(dialect, [f"id_{number}" for number in range(120)], fault)
    page = await Walker(wire, trusted=False).page("", limit)
    pages = [page]
    while page["page"]["next_cursor"] and len(pages) < 5:
        page = await Walker(wire, trusted=False).page(page["page"]["next_cursor"], limit)
        pages.append(page)

    has_more, said = ending(pages[-1])
    assert has_more
    assert said
    assert all(len(shown([each])) == len(set(shown([each]))) for each in pages)
    assert wire.asked < 60


@pytest.mark.parametrize("dialect", [BY_ITEM, BY_LAST_ID, BY_NEXT, BY_NEXT_PAGE])
async def test_a_list_without_has_more_is_read_to_its_end(dialect: Dialect) -> None:
    rows = [f"id_{number}" for number in range(75)]
    pages = await Walker(Wire(dialect, rows, "no has_more")).pages(20)

    assert shown(pages) == rows
    assert ending(pages[-1]) == (False, "")


@pytest.mark.parametrize("dialect", [BY_NEXT, BY_NEXT_PAGE])
async def test_more_that_no_cursor_leads_to_is_told(dialect: Dialect) -> None:
    page = await Walker(Wire(dialect, ["id_1", "id_2", "id_3"], "no next")).page("", 2)

    assert shown([page]) == ["id_1", "id_2"]
    assert page["page"]["next_cursor"] is None
    assert ending(page) == (True, STUCK)


async def test_a_page_that_the_size_cuts_is_continued_at_the_same_object() -> None:
    for dialect in DIALECTS.values():
        rows = [f"id_{'x' * 150}_{number}" for number in range(40)]
        pages = await Walker(Wire(dialect, rows)).pages(40, chars=3_000)

        assert shown(pages) == rows
        assert len(pages) > 3
        assert {page["page"]["stopped_by"] for page in pages[:-1]} == {"size"}


@settings(max_examples=60)
@given(
    token=st.text(max_size=TOKEN_CHARS // 4),
    passed=st.integers(0, 999_999),
    item_id=st.from_regex(requests.ID, fullmatch=True) | st.just(""),
)
def test_a_place_survives_its_key(token: str, passed: int, item_id: str) -> None:
    place = Place(token.encode(errors="ignore").decode(), passed, item_id)
    assert Place.of(place.key) == place
    assert KEY.fullmatch(place.key)


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_any_text_is_a_place_or_the_start_of_the_list(key: str) -> None:
    assert Place.of(Place.of(key).key) == Place.of(key)
