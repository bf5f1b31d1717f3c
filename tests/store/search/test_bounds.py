"""A search does a bounded amount of work, says what it left out, and its cursors go on."""

from functools import partial

import pytest
from starlette.datastructures import QueryParams

from backscroll.database.opening import open_database
from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll.store.search.limits import Bounds
from backscroll.store.search.search_page import Statistics, find
from backscroll.store.search.search_request import read_search
from tests.store.wire import Json


@pytest.fixture
async def filled(store: Store) -> None:
    """A thread of 60 messages: each has `boat`, every 10th `harbour`, every 30th `anchor`.

    The first and the last also have `->`, which is not a word.
    """
    texts = [
        "boat" + " harbour" * (number % 10 == 0) + " anchor" * (number % 30 == 0)
        for number in range(60)
    ]
    texts[0] += " ->"
    texts[-1] += " ->"
    messages = [
        ImportedMessage(id=f"msg_{number}", role="user", created_at=number, content=text)
        for number, text in enumerate(texts)
    ]
    await store.import_thread(
        ImportedThread(key="t", id="thread_1", created_at=1, messages=messages)
    )


async def search(
    url: str,
    bounds: Bounds,
    statistics: Statistics | None = None,
    /,
    *,
    partition: str = "",
    pages: list[list[str]] | None = None,
    **params: str,
) -> tuple[list[str], Json]:
    """Return the ids of all pages' hits, without `msg_`, and what the first page said.

    Args:
        url: the database.
        bounds: how much a page does at most.
        statistics: what the process remembers of earlier searches; nothing by default.
        partition: where to search.
        pages: is filled with the ids of each page.
        params: what is asked for.
    """
    ids: list[str] = []
    pages = [] if pages is None else pages
    statistics = statistics or Statistics()
    said = None
    async with open_database(url, "store") as database:
        while True:
            request = read_search(QueryParams(params))
            listed = await database.read(
                partial(
                    find, partition=partition, search=request, statistics=statistics, bounds=bounds
                )
            )
            said = said or listed["search"]
            pages.append([hit["id"].removeprefix("msg_") for hit in listed["data"]])
            ids += pages[-1]
            if not listed["has_more"]:
                return ids, said
            params["after"] = listed["next_cursor"]


@pytest.mark.usefixtures("filled")
async def test_words_beyond_the_budget_are_left_out_and_named(database_url: str) -> None:
    found, said = await search(database_url, Bounds(budget=20, few=3), query="boat harbour anchor")
    assert sorted(map(int, found)) == [0, 10, 20, 30, 40, 50]
    assert (found[:2], said["matched"], said["ignored"]) == (["30", "0"], "any_word", ["boat"])
    found, said = await search(database_url, Bounds(budget=7, few=3), query="boat harbour anchor")
    assert (found, said["ignored"]) == (["30", "0"], ["boat", "harbour"])


@pytest.mark.usefixtures("filled")
async def test_a_word_beyond_the_budget_alone_is_found_newest_first(database_url: str) -> None:
    found, said = await search(database_url, Bounds(budget=20, few=3, scan=7), query="boat")
    assert list(map(int, found)) == list(range(59, -1, -1))
    assert said["matched"] == "common_words"


@pytest.mark.usefixtures("filled")
async def test_a_page_reads_a_bounded_number_of_texts_and_its_cursor_goes_on(
    database_url: str,
) -> None:
    bounds = Bounds(looked_at=25)
    found, said = await search(database_url, bounds, query='"boat anchor"', order="oldest")
    assert (found, said["looked_at"]) == ([], 2)
    found, said = await search(database_url, bounds, query="boat -harbour -boat", order="oldest")
    assert (found, said["looked_at"]) == ([], 25)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"query": "what boat", "since": "57"}, [57, 58, 59]),
        ({"query": "boat", "until": "3"}, [0, 1, 2]),
        ({"query": "boat", "role": "user", "since": "9", "until": "11"}, [9, 10]),
        ({"query": "boat", "role": "system"}, []),
        ({"query": "?!"}, []),
        ({"query": "->"}, [0, 59]),
    ],
)
async def test_a_page_goes_through_a_bounded_number_of_rows_and_its_cursor_goes_on(
    database_url: str, order: str, params: dict[str, str], expected: list[int]
) -> None:
    bounds = Bounds(budget=20, few=3, scan=7)
    pages: list[list[str]] = []
    found, _ = await search(database_url, bounds, pages=pages, order=order, **params)
    assert list(map(int, found)) == (expected if order == "oldest" else expected[::-1])
    assert len(pages) == 3  # of 21 rows each: the rows of steps until the budget is used


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("query", ["boat", "->", "what boat"])
async def test_a_search_of_a_thread_goes_through_its_rows_alone(
    store: Store, database_url: str, query: str, order: str
) -> None:
    messages = [
        ImportedMessage(id=f"msg_{number}", role="user", created_at=number, content="boat ->")
        for number in range(100, 125)
    ]
    await store.import_thread(
        ImportedThread(key="other", id="thread_2", created_at=1, messages=messages)
    )
    found, said = await search(
        database_url,
        Bounds(budget=20, few=3, scan=7),
        query=query,
        order=order,
        thread_id="thread_2",
    )
    numbers = list(range(100, 125))
    assert list(map(int, found)) == (numbers if order == "oldest" else numbers[::-1])
    assert said["matched"] == ("literals" if query == "->" else "common_words")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("budget", "matched"), [(6, "all_words"), (5, "common_words")])
async def test_a_word_may_use_the_budget_up(database_url: str, budget: int, matched: str) -> None:
    found, said = await search(database_url, Bounds(budget=budget, few=3), query="harbour")
    assert sorted(map(int, found)) == [0, 10, 20, 30, 40, 50]
    assert said["matched"] == matched


@pytest.mark.usefixtures("filled")
async def test_the_words_of_a_literal_are_looked_up_before_rarer_words(database_url: str) -> None:
    bounds = Bounds(budget=7, few=3)
    found, said = await search(database_url, bounds, query='"boat harbour" anchor')
    assert sorted(map(int, found)) == [0, 10, 20, 30, 40, 50]
    assert (said["matched"], said["ignored"]) == ("literals", ["anchor"])


@pytest.mark.usefixtures("filled")
async def test_a_word_that_is_too_common_is_looked_up_in_a_thread_that_has_it_seldom(
    store: Store, database_url: str
) -> None:
    message = ImportedMessage(id="msg_99", role="user", created_at=1, content="a boat")
    await store.import_thread(
        ImportedThread(key="other", id="thread_2", created_at=1, messages=[message])
    )
    bounds, statistics = Bounds(budget=20, few=3), Statistics()
    matched = []
    for thread_id in ("", "thread_2", "thread_1", ""):
        _, said = await search(database_url, bounds, statistics, query="boat", thread_id=thread_id)
        matched.append(said["matched"])
    assert matched == ["common_words", "all_words", "common_words", "common_words"]


@pytest.mark.usefixtures("filled")
async def test_texts_with_only_some_words_of_a_literal_are_not_looked_at(database_url: str) -> None:
    bounds = Bounds(budget=5, few=3, scan=7)
    found, said = await search(database_url, bounds, query='"boat harbour"')
    assert list(map(int, found)) == [50, 40, 30, 20, 10, 0]
    assert (said["matched"], said["looked_at"]) == ("literals", 6)


@pytest.mark.usefixtures("filled")
async def test_rows_of_other_partitions_are_no_reason_for_another_page(database_url: str) -> None:
    pages: list[list[str]] = []
    bounds = Bounds(budget=20, few=3, scan=7)
    await search(database_url, bounds, partition="other", pages=pages, query="?!")
    assert pages == [[]]


@pytest.mark.usefixtures("filled")
async def test_a_page_compares_a_bounded_number_of_characters_and_its_cursor_goes_on(
    database_url: str,
) -> None:
    pages: list[list[str]] = []
    params = {"query": "boat -anchor", "order": "oldest", "limit": "50"}
    found, _ = await search(database_url, Bounds(chars=100), pages=pages, **params)
    assert list(map(int, found)) == [number for number in range(60) if number % 30]
    assert max(map(len, pages)) <= 25  # because each text has 4 characters or more
