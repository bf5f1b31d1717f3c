"""Lists in memory to page through: an honest one, and some with one fault that upstreams have."""

import asyncio
from dataclasses import dataclass, field

from msgspec.structs import replace

from backscroll_tools.client.replies import Reply
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.pages.source import Chunk, Surroundings


def message(number: int, text: str = "", **fields: object) -> JSON:
    item: JSON = {
        "id": f"msg_{number}",
        "role": "user",
        "created_at": 1_700_000_000 + 50 * number,
        "text": text,
    }
    return {**item, **fields}


@dataclass
class ListSource:
    items: list[JSON]
    requests: list[tuple[str, int]] = field(default_factory=list)

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        self.requests.append((after, limit))
        ids = [item["id"] for item in self.items]
        start = ids.index(after) + 1 if after else 0
        return Chunk(tuple(self.items[start : start + limit]), len(ids) > start + limit)

    async def item(self, item_id: str) -> JSON | None:
        return next((item for item in self.items if item["id"] == item_id), None)

    async def around(self, key: str, older: int, newer: int) -> Surroundings[JSON] | None:
        ids = [item["id"] for item in self.items]
        if key not in ids:
            return None
        place = ids.index(key)
        above, below = self.items[:place][::-1], self.items[place + 1 :]
        return Surroundings(
            Chunk(tuple(above[: max(older, 1)]), len(above) > max(older, 1)),
            self.items[place],
            Chunk(tuple(below[:newer]), len(below) > newer),
        )


class OfManyThreads(ListSource):
    """A list whose ids are unique only within a thread; a key is the thread's id and the item's."""

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        self.requests.append((after, limit))
        keys = [self.key(item) for item in self.items]
        start = keys.index(after) + 1 if after else 0
        end = start + limit
        items = tuple(self.items[start:end])
        return Chunk(items, len(keys) > end, keys=tuple(keys[start:end]))

    async def item(self, item_id: str) -> JSON | None:
        return next((item for item in self.items if self.key(item) == item_id), None)

    @staticmethod
    def key(item: JSON) -> str:
        return f"{item['thread_id']}.{item['id']}"


class IgnoresAfter(ListSource):
    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        self.requests.append((after, limit))
        return Chunk(tuple(self.items[:limit]), has_more=True)


@dataclass
class IgnoresAfterAndMore(ListSource):
    """Ignores `after`, never says that more follows, and may be asked for more than is needed.

    As in a list of items, the envelope names the last one.
    """

    at_least: int = 1

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        asked = max(limit, self.at_least)
        self.requests.append((after, asked))
        items = tuple(self.items[:asked])
        has_more = None if len(items) == asked else False
        return Chunk(items, has_more, last=items[-1]["id"])


class IgnoresEverything(ListSource):
    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        self.requests.append((after, limit))
        return Chunk(tuple(self.items), has_more=False)


class EmptyButMore(ListSource):
    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        self.requests.append((after, limit))
        return (
            Chunk((), has_more=True) if after else Chunk(tuple(self.items[:limit]), has_more=True)
        )


class RepeatsAnId(ListSource):
    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        overlap = [item for item in self.items if item["id"] == after]
        return Chunk((*overlap, *honest.items), honest.has_more)


class Mixed(ListSource):
    """A list with items that do not match the request, which is for messages of role `user`."""

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        reply = Reply(honest.items, honest.has_more)
        return Chunk.of(reply, lambda raw: raw, lambda raw: bool(raw["role"] == "user"))


class MixedInTwos(Mixed):
    """Asks for two items or more, as some sources ask for more than the limit."""

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        return await super().chunk(after, max(limit, 2))


class RepeatsTheFirst(ListSource):
    """Sends the first item again on every later page, and the last item of each page twice."""

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        first = self.items[:1] if len(self.requests) > 1 else []
        return replace(honest, items=(*first, *honest.items, *honest.items[-1:]))


@dataclass
class Warns(ListSource):
    """Each page has a warning: the first, the second, and the first again."""

    warnings: tuple[str, ...] = ("one", "two", "one", "")

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        return replace(honest, warning=self.warnings[len(self.requests) - 1])


@dataclass
class FailsAfter(ListSource):
    good: int = 1
    failure: ToolError = field(default_factory=lambda: ToolError("upstream_unavailable", "down"))

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        if len(self.requests) > self.good:
            raise self.failure
        return honest


@dataclass
class HangsAfter(ListSource):
    good: int = 1

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        if len(self.requests) > self.good:
            await asyncio.Event().wait()
        return honest

    async def item(self, item_id: str) -> JSON | None:
        await asyncio.Event().wait()
        return await super().item(item_id)


class PromisesMore(ListSource):
    """Says at its end that more follows, and then sends nothing more."""

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        honest = await super().chunk(after, limit)
        return replace(honest, has_more=bool(honest.items))
