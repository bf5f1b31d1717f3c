"""An index whose words another version made is indexed anew."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from backscroll.database.opening import open_database
from backscroll.store.app import store_over
from backscroll.store.search import backfill, rows
from backscroll_tools.search.tokenizer import TOKENS_VERSION
from tests.store.conftest import Sql
from tests.store.replicas import client_of
from tests.store.search.contents import indexed, scanned
from tests.store.wire import add_items, new_conversation, new_thread, page


def mark_as_another_versions(connection: Connection) -> None:
    found = rows.read(connection, range(1, rows.newest(connection) + 1))
    other = {row: data._replace(version=TOKENS_VERSION + 1) for row, data in found.items()}
    rows.replace(connection, other)


@pytest.mark.parametrize(
    ("change", "left"), [("title", 4), ("message", 3), ("thread", 2), ("item", 3)]
)
async def test_a_change_of_what_another_version_indexed_begins_the_index_anew(
    path: Path, sql: Sql, change: str, left: int
) -> None:
    """Which words the other version indexed for a message is not known."""
    async with open_database(f"sqlite:///{path}", "store") as database:
        async with client_of(await store_over(database)) as api:
            thread = await new_thread(api, ("boats", "in the harbour"))
            conversation = await new_conversation(api, ("anchors",))
            [item] = await add_items(api, conversation, {"role": "user", "content": "ships"})
            [message, _] = (await page(api, f"/threads/{thread}/messages"))["data"]
            assert await database.read(backfill.is_whole)
            await database.write(mark_as_another_versions)
            method, url, body = {
                "title": ("POST", f"/threads/{thread}", {"metadata": {"title": "Windmill"}}),
                "message": ("DELETE", f"/threads/{thread}/messages/{message['id']}", None),
                "thread": ("DELETE", f"/threads/{thread}", None),
                "item": ("DELETE", f"/conversations/{conversation}/items/{item['id']}", None),
            }[change]
            assert (await api.request(method, url, json=body)).status_code == 200
        assert await indexed(sql, postgres=False) == {}
        assert not await database.read(backfill.is_whole)
        await backfill.fill(database, 0)
        assert await database.read(backfill.is_whole)
        expected = await scanned(sql, postgres=False)
        assert await indexed(sql, postgres=False) == expected
        assert len(expected) == left
