"""`GET /v1/search`: what it finds, in which order, and that its pages are truthful under change."""

import time
from base64 import urlsafe_b64decode
from itertools import product

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.search.search_cursor import Cursor
from backscroll_tools.search.tokenizer import TOKENS_VERSION
from tests.store.conftest import V2, Sql, examples_share_a_store
from tests.store.wire import add, add_items, error, new_conversation, new_thread, page

TEXTS = {
    "tokyo": "昨日、東京都で会った。",
    "meeting": "下周的会议改到周三",
    "ueber": "Über die Rückerstattung reden wir morgen.",
    "dont": "I don’t like it.",
    "cpp": "Write it in C++ or in C#, not in .NET",
    "option": "Use the option -x of tar",
    "path": "See foo/bar.py:12 for the bug",
    "path parts": "The bar in foo sells 12 kinds of py",
    "party": "Let us have a party 🎉",
    "arabic": "مرحبا بالعالم",
    "thai": "สวัสดีชาวโลก",
    "arrow": "a -> b",
    "refund": "We promised the refunds for November.",
    "common": "what did they say about it",
}


@pytest.fixture
async def known(api: httpx2.AsyncClient) -> dict[str, str]:
    """The texts, each a message of its own thread; their names by the messages' ids."""
    found = {}
    for name, text in TEXTS.items():
        found[await add(api, await new_thread(api), text)] = name
    return found


QUERIES = {
    "東京": ["tokyo"],
    "京都": ["tokyo"],
    "会议": ["meeting"],
    "uber": ["ueber"],
    "ÜBER": ["ueber"],
    "don't": ["dont"],
    "don’t": ["dont"],
    "c++": ["cpp"],
    "C#": ["cpp"],
    ".net": ["cpp"],
    '"-x"': ["option"],
    "option -tar": [],
    "option -foo": ["option"],
    'foo -"sells 12"': ["path"],
    "foo/bar.py:12": ["path", "path parts"],
    '"foo/bar.py"': ["path"],
    "🎉": ["party"],
    "مرحبا": ["arabic"],
    "สวัสดี": ["thai"],
    '"->"': ["arrow"],
    "What did they say about refunds last November?": ["refund"],
    '"refunds': ["refund"],
    "refund* OR (NEAR": ["refund"],
    'terms:refund AND "': ["refund"],
    "what did they": ["common"],
    "nothingofthekind": [],
    "refund " * 1_500: ["refund"],
}


async def test_each_query_finds_what_a_person_expects(
    api: httpx2.AsyncClient, known: dict[str, str]
) -> None:
    found = {}
    for query in QUERIES:
        listed = await page(api, "/search", query=query)
        found[query] = [known[each["id"]] for each in listed["data"]]
    assert found == QUERIES


async def test_a_query_that_cannot_be_searched_says_what_to_change(api: httpx2.AsyncClient) -> None:
    for query, said in {"": "is empty", "-refund": "only says what to leave out"}.items():
        refused = error(await api.get("/search", params={"query": query}), 400)
        assert refused["param"] == "query"
        assert said in refused["message"]
    for name, value in {"order": "best", "limit": "51", "since": "7d", "after": "x"}.items():
        refused = error(await api.get("/search", params={"query": "a", name: value}), 400)
        assert refused["param"] == name
    error(await api.get("/search", params={"query": "a", "thread_id": "thread_0"}), 404)


@pytest.mark.parametrize("value", ["0" * 18 + "51", "0" * 5_000, "9" * 5_000, "²", "-1"])
@pytest.mark.parametrize("name", ["limit", "excerpt_chars", "since", "until"])
async def test_a_number_of_unusual_length_is_refused(
    api: httpx2.AsyncClient, name: str, value: str
) -> None:
    refused = error(await api.get("/search", params={"query": "a", name: value}), 400)
    assert (refused["param"], refused["code"]) == (name, "invalid_type")


UNUSUAL = [-(1 << 63), -1, 0, 1, 5, 200, 1 << 31, 1 << 53, 1 << 62, (1 << 63) - 1]


@given(data=st.data())
@examples_share_a_store
@pytest.mark.usefixtures("known")
async def test_a_forged_cursor_is_refused_or_returns_a_page(
    api: httpx2.AsyncClient, sql: Sql, data: st.DataObject
) -> None:
    """A cursor may be from another version, so its numbers can be any."""
    query = data.draw(st.sampled_from(["refund", "refund bug", "what did", "->"]))
    order = data.draw(st.sampled_from(["relevance", "newest", "oldest"]))
    signed = st.sampled_from(UNUSUAL) | st.integers(-(1 << 63), (1 << 63) - 1)
    number = signed.map(abs)
    row = number.map(lambda each: each % (1 << 40))
    having, at, shown = (st.lists(each, max_size=5).map(tuple) for each in (number, signed, row))
    cursor = data.draw(st.builds(Cursor, row, number, number, having, at, shown))
    identity = (TOKENS_VERSION, "", query, None, None, None, None, order)
    [(key,)] = await sql("SELECT key FROM search_seal")
    after = cursor.encode(identity, bytes.fromhex(key))
    params = {"query": query, "order": order, "after": after}
    reply = await api.get("/search", params=params)
    assert reply.status_code == 200 or error(reply, 400)["param"] == "after"


async def test_a_hit_shows_where_it_is_and_why_it_was_found(
    store: Store, api: httpx2.AsyncClient
) -> None:
    text = "Long before. " * 50 + "The refund is promised." + " Long after." * 50
    message = ImportedMessage(id="msg_1", role="user", content=text, created_at=7)
    tool = ImportedMessage(id="msg_2", role="tool", content="refund", created_at=7)
    title = {"title": "Money"}
    await store.import_thread(
        ImportedThread(
            key="t", id="thread_1", created_at=5, metadata=title, messages=[message, tool]
        )
    )
    call = {"type": "function_call", "name": "f", "arguments": "refund", "call_id": "c"}
    item = {"type": "message", "id": "msg_3", "role": "user", "content": "A refund!"}
    await store.import_conversation(
        ImportedConversation(
            key="c", id="conv_1", created_at=6, items=[*map(ImportedItem, (call, item))]
        )
    )
    answer = {"role": "assistant", "content": None, "refusal": "No refund."}
    await store.import_completion(
        ImportedCompletion(
            key="s",
            id="chatcmpl-1",
            created_at=8,
            model="m",
            choices=[{"index": 0, "message": answer}],
            messages=[{"role": "user", "content": [{"type": "text", "text": "Refunds?"}]}],
        )
    )
    listed = await page(api, "/search", query="the refund", order="oldest", excerpt_chars=40)
    hits = [tuple(hit.values())[:-1] for hit in listed["data"]]
    assert hits == [
        ("msg_3", "search.hit", "conv_1", 2, None, "user", 6, 9),
        ("msg_1", "search.hit", "thread_1", 1, "Money", "user", 7, len(text)),
        ("chatcmpl-1-0", "search.hit", "chatcmpl-1", 0, None, "user", 8, 8),
        ("chatcmpl-1-1", "search.hit", "chatcmpl-1", 1, None, "assistant", 8, 10),
    ]
    assert list(listed["data"][1]) == [
        *("id", "object", "thread_id", "position", "title", "role", "created_at", "chars"),
        "excerpt",
    ]
    excerpt = listed["data"][1]["excerpt"]
    assert list(excerpt) == ["text", "start", "spans"]
    assert len(excerpt["text"]) <= 40
    assert text[excerpt["start"] :].startswith(excerpt["text"])
    assert [excerpt["text"][start:end] for start, end in excerpt["spans"]] == ["refund"]
    assert (listed["has_more"], listed["next_cursor"]) == (False, None)
    assert listed["search"] == {
        "matched": "all_words",
        "ignored": [],
        "cut": False,
        "looked_at": 4,
        "complete": True,
    }


async def test_an_excerpt_shows_the_rarer_words(api: httpx2.AsyncClient) -> None:
    await new_thread(api, ("a boat",) * 9)
    long = f"The boat. {'Nothing of note. ' * 20} The anchor."
    await new_thread(api, (long,))
    listed = await page(api, "/search", query="boat anchor", excerpt_chars=20, limit=1)
    [hit] = listed["data"]
    assert hit["excerpt"]["text"].endswith("The anchor.")


async def test_filters_leave_only_what_they_say(store: Store, api: httpx2.AsyncClient) -> None:
    for number in range(3):
        roles = ("user", "assistant", "narrator", "critic")
        messages = [
            ImportedMessage(
                id=f"msg_{number}{at}", role=role, content="a refund", created_at=10 * number + at
            )
            for at, role in enumerate(roles)
        ]
        await store.import_thread(
            ImportedThread(key=str(number), id=f"thread_{number}", created_at=1, messages=messages)
        )

    async def ids(**filters: str | int) -> list[str]:
        listed = await page(api, "/search", query="refund", order="oldest", **filters)
        return [hit["id"].removeprefix("msg_") for hit in listed["data"]]

    assert await ids(limit=50) == [f"{thread}{at}" for thread in range(3) for at in range(4)]
    assert await ids(thread_id="thread_1") == ["10", "11", "12", "13"]
    assert await ids(role="assistant") == ["01", "11", "21"]
    assert await ids(role="critic") == ["03", "13", "23"]
    assert await ids(since=3, until=12) == ["03", "10", "11"]
    assert await ids(thread_id="thread_2", role="user", since=20, until=21) == ["20"]
    of_users = await page(api, "/search", query="refund", role="user")
    assert of_users["search"]["looked_at"] == 3  # the index leaves out the others
    newest = await page(api, "/search", query="refund", order="newest", limit=2)
    assert [hit["id"] for hit in newest["data"]] == ["msg_23", "msg_22"]


async def test_hits_in_conversations_in_use_are_left_out_and_counted(
    store: Store, api: httpx2.AsyncClient
) -> None:
    now = int(time.time())
    for name, project, at in (
        ("asking", "/w/here", now - 5),
        ("earlier", "/w/here", now - 3_600),
        ("elsewhere", "/w/other", now - 5),
    ):
        said = {"role": "user", "content": "a harbour"}
        items = [ImportedItem(said, created_at=at, key=key) for key in ("1", "2")]
        await store.import_conversation(
            ImportedConversation(
                key=name,
                id=f"conv_{name}",
                created_at=at,
                metadata={"project": project},
                items=items,
            )
        )

    async def found(**params: str | int) -> tuple[list[str], int | None]:
        listed = await page(api, "/search", query="harbour", order="newest", **params)
        threads = [hit["thread_id"].removeprefix("conv_") for hit in listed["data"]]
        return threads, listed["search"].get("left_out")

    here: dict[str, str | int] = {"quiet_project": "/w/here", "quiet_s": 600}
    assert await found(**here) == (["elsewhere"] * 2 + ["earlier"] * 2, 2)
    assert await found(**here, thread_id="conv_asking") == (["asking"] * 2, None)
    assert await found(quiet_project="/w/here") == (
        ["elsewhere"] * 2 + ["asking"] * 2 + ["earlier"] * 2,
        None,
    )


async def test_a_search_names_the_programs_whose_sessions_are_being_imported(
    api: httpx2.AsyncClient,
) -> None:
    named = await api.get("/search?query=a&importing=codex&importing=llm")
    plain = await page(api, "/search", query="a")
    assert named.json()["search"]["importing"] == ["codex", "llm"]
    assert "importing" not in plain["search"]


async def test_partitions_share_neither_hits_nor_counts_nor_cursors(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await new_thread(api, ("one refund", "two refunds", "something else"))
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers={**V2, "OpenAI-Project": "other"}
    ) as other:
        empty = await page(other, "/search", query="refund")
        assert (empty["data"], empty["search"]["looked_at"]) == ([], 0)
        await new_thread(other, ("another refund",))
        first = await page(api, "/search", query="refund", limit=1)
        theirs = await page(other, "/search", query="refund")
        assert len(theirs["data"]) == 1
        stolen = {"query": "refund", "after": first["next_cursor"]}
        assert error(await other.get("/search", params=stolen), 400)["param"] == "after"
        thread = first["data"][0]["thread_id"]
        params = {"query": "refund", "thread_id": thread}
        assert thread in error(await other.get("/search", params=params), 404)["message"]
        assert len((await page(api, "/search", **params))["data"]) == 2
        await api.delete(f"/threads/{thread}")
        assert thread in error(await api.get("/search", params=params), 404)["message"]


async def test_a_cursor_shows_nothing_of_what_other_partitions_write(
    store: Store, api: httpx2.AsyncClient
) -> None:
    """All partitions share the numbers of rows, which a cursor contains."""

    async def cursors() -> list[str]:
        found = []
        for order in ("relevance", "newest", "oldest"):
            listed = await page(api, "/search", query="refund", order=order, limit=1)
            found.append(listed["next_cursor"])
        return found

    await new_thread(api, ("one refund", "two refunds"))
    before = await cursors()
    messages = [ImportedMessage(role="user", content="x", created_at=1)] * 300
    await store.import_thread(ImportedThread(key="t", created_at=1, messages=messages), "other")
    after = await cursors()
    assert [len(each) for each in after] == [len(each) for each in before]
    for one, two in zip(before, after, strict=True):
        raw = [urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in (one, two)]
        different = sum(left != right for left, right in zip(*raw, strict=True))
        assert different > len(raw[0]) / 2, "a number can be read"
        changed = f"{one[:-2]}{'A' if one[-2] != 'A' else 'B'}{one[-1]}"
        for forged in (changed, one[:-4], "", "AAAA", "A" * 5_000):
            params = {"query": "refund", "limit": "1", "after": forged or "A"}
            refused = error(await api.get("/search", params=params), 400)
            assert refused["param"] == "after"
            assert "'after'" in refused["message"]


async def test_a_thread_is_found_by_its_title_as_its_first_message(api: httpx2.AsyncClient) -> None:
    made = await api.post("/threads", json={"metadata": {"title": "Lighthouse"}})
    thread = made.json()["id"]
    first = await add(api, thread, "We begin.")
    await add(api, thread, "And go on.")

    async def found(query: str) -> list[tuple[str, str]]:
        listed = await page(api, "/search", query=query)
        return [(hit["id"], hit["excerpt"]["text"]) for hit in listed["data"]]

    assert await found("lighthouses") == await found('"Lighthouse"') == [(first, "We begin.")]
    await api.post(f"/threads/{thread}", json={"metadata": {"title": "Windmill"}})
    assert await found("lighthouse") == []
    assert await found("windmill") == [(first, "We begin.")]
    await api.delete(f"/threads/{thread}/messages/{first}")
    assert await found("windmill") == []
    # The first message had the title. No other message gets it.
    await api.post(f"/threads/{thread}", json={"metadata": {"title": "Harbour"}})
    assert await found("harbour") == []
    assert len(await found("go on")) == 1


async def test_deleted_messages_are_never_found(api: httpx2.AsyncClient) -> None:
    thread = await new_thread(api)
    message = await add(api, thread, "a refund")
    conversation = await new_conversation(api)
    (item,) = await add_items(api, conversation, {"role": "user", "content": "a refund"})
    kept = await new_thread(api, ("refund",))
    await new_conversation(api, ("refund too",))
    assert len((await page(api, "/search", query="refund"))["data"]) == 4
    await api.delete(f"/threads/{thread}/messages/{message}")
    await api.delete(f"/conversations/{conversation}/items/{item['id']}")
    await api.delete(f"/threads/{kept}")
    found = await page(api, "/search", query="refund")
    assert [hit["thread_id"][:5] for hit in found["data"]] == ["conv_"]


async def test_a_list_by_time_has_the_messages_with_all_words_or_else_with_a_rarer_one(
    store: Store, api: httpx2.AsyncClient
) -> None:
    texts = ["a boat"] * 40 + ["an anchor", "a boat at anchor", "a boat", "at anchor: one boat"]
    texts += ["the harbour"] * 9
    messages = [
        ImportedMessage(id=f"msg_{number}", role="user", created_at=number, content=text)
        for number, text in enumerate(texts)
    ]
    await store.import_thread(
        ImportedThread(key="t", id="thread_1", created_at=1, messages=messages)
    )

    async def found(query: str, order: str) -> tuple[list[int], str]:
        numbers: list[int] = []
        after: dict[str, str] = {}
        while True:
            listed = await page(api, "/search", query=query, order=order, limit=3, **after)
            numbers += [int(hit["id"].removeprefix("msg_")) for hit in listed["data"]]
            if not listed["has_more"]:
                return numbers, listed["search"]["matched"]
            after = {"after": listed["next_cursor"]}

    assert await found("boat anchor", "newest") == ([43, 41], "all_words")
    assert await found("boat anchor", "oldest") == ([41, 43], "all_words")
    # No message has both words, and `boat` is far more common.
    assert await found("boat harbour", "newest") == (list(range(52, 43, -1)), "any_word")
    # The only message that has all three words is excluded, and so are those with a rarer one.
    assert await found("boat anchor -one -an -at", "newest") == (
        [42, *range(39, -1, -1)],
        "any_word",
    )
    # A literal must occur, and other words need not.
    assert await found('"an anchor" boat', "newest") == ([40], "literals")


CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=6)


@settings(examples_share_a_store, max_examples=5)
@given(
    changes=st.lists(CHANGES, min_size=3, max_size=3),
    query=st.sampled_from(["alpha beta", "alpha", "what did", '"alpha"', '"->"']),
    order=st.sampled_from(["relevance", "newest", "oldest"]),
)
async def test_pages_repeat_nothing_miss_nothing_and_show_no_newcomer(
    api: httpx2.AsyncClient, changes: list[list[tuple[bool, int]]], query: str, order: str
) -> None:
    threads = [await new_thread(api) for _ in range(3)]
    places: dict[str, str] = {}
    having_all = set()
    for number in range(24):
        thread = threads[number % 3]
        text = "alpha what did -> " + "beta " * (number % 4)
        places[message := await add(api, thread, text)] = thread
        having_all |= {message} if number % 4 else set()
    deleted: set[str] = set()
    seen: list[str] = []
    params: dict[str, str | int] = {"query": query, "order": order, "limit": 4}
    while True:
        listed = await page(api, "/search", **params)
        seen += [hit["id"] for hit in listed["data"]]
        if not listed["has_more"]:
            break
        params["after"] = listed["next_cursor"]
        for is_new, which in changes.pop() if changes else ():
            if is_new:
                await add(api, threads[which % 3], "alpha what did -> beta")
            else:
                message = list(places)[which % len(places)]
                deleted.add(message)
                await api.delete(f"/threads/{places[message]}/messages/{message}")
    assert len(seen) == len(set(seen)), "repeated"
    # In order of time, a list has the messages with all words, because there are some.
    wanted = places if order == "relevance" or query != "alpha beta" else having_all
    assert set(wanted) - deleted <= set(seen) <= set(wanted), "missed, or a newcomer"
    for thread in threads:  # the next example finds nothing of this one
        await api.delete(f"/threads/{thread}")


async def test_pages_go_on_beyond_what_is_ranked_at_once(
    store: Store, api: httpx2.AsyncClient
) -> None:
    messages = [
        ImportedMessage(id=f"msg_{number}", role="user", created_at=number % 7, content="alpha")
        for number in range(430)
    ]
    await store.import_thread(
        ImportedThread(key="t", id="thread_1", created_at=5, messages=messages)
    )
    queries = ("alpha", '"alpha" -beta', "the alpha beta")
    for query, order in product(queries, ("relevance", "newest", "oldest")):
        seen: list[str] = []
        params: dict[str, str | int] = {"query": query, "order": order, "limit": 50}
        while True:
            listed = await page(api, "/search", **params)
            seen += [hit["id"] for hit in listed["data"]]
            if not listed["has_more"]:
                break
            params["after"] = listed["next_cursor"]
        assert sorted(seen) == sorted(message.id or "" for message in messages)


async def test_all_pages_by_relevance_have_the_words_of_most_weight_first_and_then_the_newest(
    store: Store, api: httpx2.AsyncClient
) -> None:
    texts = ["alpha"] * 300 + ["alpha beta"] * 10 + ["beta"] * 230
    messages = [
        ImportedMessage(id=f"msg_{number}", role="user", created_at=1, content=text)
        for number, text in enumerate(texts)
    ]
    await store.import_thread(
        ImportedThread(key="t", id="thread_1", created_at=5, messages=messages)
    )
    seen: list[int] = []
    params: dict[str, str | int] = {"query": "beta alpha", "limit": 45}
    for _ in range(20):
        listed = await page(api, "/search", **params)
        seen += [int(hit["id"].removeprefix("msg_")) for hit in listed["data"]]
        if not listed["has_more"]:
            break
        params["after"] = listed["next_cursor"]
    both, beta, alpha = range(309, 299, -1), range(539, 309, -1), range(299, -1, -1)
    assert seen == [*both, *beta, *alpha]
