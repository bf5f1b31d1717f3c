"""`list-threads`: lists threads and conversations in order of their last activity."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client import objects, store_requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.dialects import Place
from backscroll_tools.client.requests import ID, Slice
from backscroll_tools.client.times import seconds
from backscroll_tools.lookup import Lookup
from backscroll_tools.merged_lists import MergedLists, id_of
from backscroll_tools.models import JSON, Thread
from backscroll_tools.pages.cursor import KEY, ListPosition
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.start import start_position
from backscroll_tools.pages.stop import join_warnings
from backscroll_tools.periods import ADVICE, Period, period_of, with_now
from backscroll_tools.places import page_after
from backscroll_tools.thread_lists import LISTS, list_of, thread_lists
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("threads", "thread")
_FILTERS: Final = ("since", "until", "now")
_BY_CREATION: Final = "since and until were compared with the times of creation"


class _ByActivity(Struct, frozen=True):
    """The list of an upstream that sorts threads and conversations by their last activity."""

    client: CallClient
    start: ListPosition
    period: Period

    async def chunk(self, after: str, limit: int) -> Chunk[Thread]:
        limits = {"since": self.period.since_s, "until": self.period.until_s}
        filters = tuple((name, str(at)) for name, at in limits.items() if at is not None)
        window = Slice(limit, self.start.walk_order, after, filters)
        reply = await self.client.page(store_requests.list_by_activity(window))
        # A thread moves in the list when it becomes active, so its id does not name a fixed
        # position. So its key is its `cursor`: the position that the thread had when it was listed.
        # If the upstream sends no cursor, the key is the id.
        keys = tuple([_key(raw) for raw in reply.items])
        return replace(Chunk.of(reply, objects.thread), keys=keys)

    async def item(self, key: str) -> Thread | None:
        reply = await self.client.page(store_requests.list_by_activity(Slice(1, "desc"), key))
        return objects.thread(reply.items[0]) if reply.items else None


class _ByCreation(Struct, frozen=True):
    """Threads, filtered by creation time, of an upstream that does not sort by activity."""

    client: CallClient
    start: ListPosition
    period: Period

    async def chunk(self, after: str, limit: int) -> Chunk[Thread]:
        lists = thread_lists(self.client.upstream.profile)
        if len(lists) > 1:
            merged = MergedLists(self.client, lists, self.start.walk_order)
            chunk = Chunk.of(await merged.page(after, limit), lists[0].shown, self._is_wanted)
        else:
            listing, order = lists[0].listing, self.start.walk_order
            reply = await page_after(self.client, listing, order, after, limit)
            chunk = Chunk.of(reply, lists[0].shown, self._is_wanted)
        if not self.period:
            return chunk
        return replace(chunk, warning=join_warnings(chunk.warning, _BY_CREATION))

    async def item(self, key: str) -> Thread | None:
        lists = thread_lists(self.client.upstream.profile)
        item_id = id_of(key) if len(lists) > 1 else Place.of(key).item_id or key
        found = lists[list_of(lists, item_id)]
        raw = await Lookup(self.client, found.listing, found.retrieval, self.start.walk_order).find(
            item_id
        )
        return None if raw is None else found.shown({**raw, "id": item_id})

    def _is_wanted(self, raw: JSON) -> bool:
        at_s = seconds(raw.get("created_at"))
        return not self.period or at_s is None or at_s in self.period


def _key(raw: JSON) -> str:
    key = raw.get("cursor")
    return key if isinstance(key, str) and ID.fullmatch(key) else str(raw["id"])


async def _run(call: Call, arguments: JSON) -> Result:
    given = with_now(arguments)
    start = start_position(LIST_THREADS.name, "", given, "desc", _FILTERS, key=KEY)
    kind = _ByActivity if call.client.upstream.profile.lists_by_activity else _ByCreation
    source = kind(call.client, start, period_of(dict(start.filters)))
    return await read_page(call, _SHAPE, start, source, schemas.limit_of(arguments))


LIST_THREADS: Final = Tool(
    name="list-threads",
    title="List threads",
    summary="lists threads and conversations by last activity, with titles or first words",
    description=(
        "Find past conversations (chat history), latest active first, with titles or first words. "
        "since and until limit the last activity."
    ),
    input_schema=schemas.arguments(
        {
            "limit": schemas.LIMIT,
            "order": schemas.ORDER,
            "since": {"type": "string", "description": ADVICE},
            "until": schemas.STRING,
            "after": {"type": "string", "description": "Thread id"},
            "before": {"type": "string", "description": "Thread id"},
            "cursor": schemas.CURSOR,
        },
    ),
    output_schema=schemas.listed("threads", schemas.THREAD),
    run=_run,
    needs=LISTS,
    finds="a thread",
    keywords="search previous chats, recall",
)
