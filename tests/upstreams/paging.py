"""Behaviours of upstreams with pages that differ from OpenAI's documentation."""

from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer, refusal
from tests.upstreams.world import EMPTY, THREAD

QUIRKS: Final = "quirks that paging must survive"
"""The list in the upstream facts for what several servers do, or any might."""


def _page(rows: list[JSON], **envelope: object) -> Answer:
    ids = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
    return answer({"object": "list", "data": rows, "has_more": False, **ids, **envelope})


def _ids(rows: list[JSON]) -> list[str]:
    return [row["id"] for row in rows]


async def _drops_query(exchange: Exchange) -> Answer:
    return await exchange.ask(() if exchange.asked.is_list else None)


async def _ignores_after(exchange: Exchange) -> Answer:
    return await exchange.ask(exchange.asked.without("after"))


def _overlaps(overlap: int) -> Answering:
    async def answering(exchange: Exchange) -> Answer:
        rows, after, limit = await exchange.all(), exchange.asked["after"], exchange.asked["limit"]
        start = max(0, _ids(rows).index(after) + 1 - overlap) if after else 0
        page = rows[start : start + int(limit)]
        return _page(page, has_more=start + len(page) < len(rows))

    return answering


async def _two_pages_in_turn(exchange: Exchange) -> Answer:
    rows = await exchange.all()
    start = 10 if len(exchange.earlier) % 2 else 0
    return _page(rows[start : start + 10], has_more=True)


async def _empty_but_more(exchange: Exchange) -> Answer:
    if exchange.asked["after"] or EMPTY in exchange.asked.path:
        return _page([], has_more=True)
    return await exchange.ask()


async def _promises_more(exchange: Exchange) -> Answer:
    """Leave the oldest five messages out, but still count them for `has_more`."""
    rows, after = (await exchange.all())[:-5], exchange.asked["after"]
    start = _ids(rows).index(after) + 1 if after else 0
    page = rows[start : start + int(exchange.asked["limit"])]
    return _page(page, has_more=bool(page))


async def _same_id_again(exchange: Exchange) -> Answer:
    """Give two messages on each later page the id of the newest message."""
    rows = await exchange.all()
    start = _ids(rows).index(exchange.asked["after"]) + 1 if exchange.asked["after"] else 0
    end = start + min(int(exchange.asked["limit"]), 20)
    page = rows[start:end]
    if start and len(page) > 5:
        page[2:4] = [{**row, "id": rows[0]["id"]} for row in page[2:4]]
    return _page(page, has_more=end < len(rows))


def _has_more(**said: bool) -> Answering:
    def change(envelope: JSON) -> JSON:
        rest = {name: field for name, field in envelope.items() if name != "has_more"}
        return {**rest, **said}

    async def answering(exchange: Exchange) -> Answer:
        return await exchange.listed(change)

    return answering


async def _ignores_limit(exchange: Exchange) -> Answer:
    return _page(await exchange.all())


async def _before_is_newest(exchange: Exchange) -> Answer:
    return await exchange.ask(exchange.asked.without("before"))


def _ends_named(value: str | None) -> Answering:
    async def answering(exchange: Exchange) -> Answer:
        return await exchange.listed(lambda page: {**page, "first_id": value, "last_id": value})

    return answering


async def _newest_first_by_default(exchange: Exchange) -> Answer:
    return await exchange.ask(exchange.asked.query or (("order", "desc"),))


async def _ties(exchange: Exchange) -> Answer:
    return await exchange.listed(
        lambda page: {
            **page,
            "data": [{**row, "created_at": 1_700_000_000} for row in page["data"]],
        }
    )


async def _refuses_large_pages(exchange: Exchange) -> Answer:
    if int(exchange.asked["limit"]) > 100:
        return refusal(400, "Invalid 'limit': integer above maximum value.")
    return await exchange.ask()


async def _ignores_run_id(exchange: Exchange) -> Answer:
    return await exchange.ask(exchange.asked.without("run_id"))


async def _lags(exchange: Exchange) -> Answer:
    """Leave the newest message out of a list three times, then include it."""
    if len(exchange.earlier) < 3:
        return await exchange.ask((*exchange.asked.query, ("after", "msg_44")))
    return await exchange.ask()


def _gone(status: int) -> Answering:
    async def answering(exchange: Exchange) -> Answer:
        if exchange.asked["after"] == "msg_15":
            detail = f"Conversation item 'msg_15' not found in conversation '{THREAD}'."
            cursor = "Failed to list chat completion messages: cursor 'msg_15' not found."
            return answer({"detail": detail}, 404) if status == 404 else refusal(400, cursor)
        return await exchange.ask()

    return answering


async def _fails_on_after(exchange: Exchange) -> Answer:
    if exchange.asked["after"]:
        return answer("Internal Server Error", 500)
    return await exchange.listed(
        lambda page: {**page, "object": "runs", "has_more": False, "last_id": "none"}
    )


async def _no_ids(exchange: Exchange) -> Answer:
    odd: list[object] = [None, "", "none", 7, "a b/c", {}]
    return await exchange.listed(
        lambda page: {
            **page,
            "data": [
                *({"id": value, "role": "user", "content": "lost"} for value in odd),
                {"role": "user", "content": "lost"},
                None,
                "x",
                *page["data"],
            ],
        }
    )


DROPS_QUERY: Final = Behaviour(
    "drops every query parameter", "LiteLLM 1.106.2, recorded", _drops_query
)
IGNORES_AFTER: Final = Behaviour(
    "a cursor that does not advance",
    "BerriAI/litellm#6530, microsoft/semantic-kernel#12943",
    _ignores_after,
)
REPEATS_ITEM: Final = Behaviour("a page begins with the item asked after", QUIRKS, _overlaps(1))
REPEATS_ITEMS: Final = Behaviour("ids repeat across pages", QUIRKS, _overlaps(3))
IN_TURN: Final = Behaviour("two pages come in turn for ever", QUIRKS, _two_pages_in_turn)
EMPTY_BUT_MORE: Final = Behaviour(
    "an empty page with has_more true", "official SDK 3.54.0, measured", _empty_but_more
)
PROMISES_MORE: Final = Behaviour(
    "the last page is empty, after has_more true", QUIRKS, _promises_more
)
SAME_ID_AGAIN: Final = Behaviour(
    "other messages have an id that an earlier page had", QUIRKS, _same_id_again
)
HAS_MORE_ABSENT: Final = Behaviour("has_more is absent", QUIRKS, _has_more())
HAS_MORE_FALSE: Final = Behaviour(
    "has_more is always false", "OGX #5611, Astra", _has_more(has_more=False)
)
HAS_MORE_TRUE: Final = Behaviour("has_more is always true", QUIRKS, _has_more(has_more=True))
IGNORES_LIMIT: Final = Behaviour(
    "3,000 messages in one reply", "LiteLLM; openai-python#1045, #1863", _ignores_limit
)
BEFORE_IS_NEWEST: Final = Behaviour(
    "before returns the newest page", "open-assistant-api", _before_is_newest
)
BEFORE_IGNORED: Final = Behaviour("before is ignored", "OGX 1.5.0, recorded", _before_is_newest)
ENDS_NULL: Final = Behaviour("first_id and last_id are null", "Azure OpenAI v1", _ends_named(None))
ENDS_EMPTY: Final = Behaviour('first_id and last_id are ""', "OGX", _ends_named(""))
ENDS_NONE: Final = Behaviour('first_id and last_id are "none"', "Astra", _ends_named("none"))
OTHER_DEFAULT: Final = Behaviour(
    "the default order differs", "OpenAI API documents", _newest_first_by_default
)
TIES: Final = Behaviour("times tie within a second", QUIRKS, _ties)
PAGE_OF_100: Final = Behaviour(
    "a page size over 100 is refused", "OpenAI API documents", _refuses_large_pages
)
IGNORES_RUN: Final = Behaviour("run_id is dropped", "LiteLLM 1.106.2, recorded", _ignores_run_id)
LAGS: Final = Behaviour("a list lags behind a create", "dotnet/extensions#7704", _lags)
AFTER_GONE_404: Final = Behaviour("404 for a deleted after", "OGX 1.5.0, items", _gone(404))
AFTER_GONE_400: Final = Behaviour("400 for a deleted after", "OGX 1.5.0, chat", _gone(400))
AFTER_FAILS: Final = Behaviour("500 for any after", "Astra", _fails_on_after)
NO_IDS: Final = Behaviour("items have no usable id", QUIRKS, _no_ids)

PAGING: Final = (
    DROPS_QUERY,
    IGNORES_AFTER,
    REPEATS_ITEM,
    REPEATS_ITEMS,
    IN_TURN,
    EMPTY_BUT_MORE,
    PROMISES_MORE,
    SAME_ID_AGAIN,
    HAS_MORE_ABSENT,
    HAS_MORE_FALSE,
    HAS_MORE_TRUE,
    IGNORES_LIMIT,
    BEFORE_IS_NEWEST,
    BEFORE_IGNORED,
    ENDS_NULL,
    ENDS_EMPTY,
    ENDS_NONE,
    OTHER_DEFAULT,
    TIES,
    PAGE_OF_100,
    IGNORES_RUN,
    LAGS,
    AFTER_GONE_404,
    AFTER_GONE_400,
    AFTER_FAILS,
    NO_IDS,
)
