"""Responses in the background of several recorders that share a database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest

from tests.pace import limit_s
from tests.store.conftest import Sql
from tests.store.recorder.raw_models import raw_model
from tests.store.recorder.recording import ended, recording_of, until
from tests.store.recorder.test_background import Gated, begun_and_asked, stream
from tests.store.recorder.test_metrics import counted, metrics_of

SILENT_S = 3_600.0
"""A time between beats. Such a recorder seems to have been killed, and notices no cancellation."""


@asynccontextmanager
async def sharing(
    model: Gated, database_url: str
) -> AsyncIterator[tuple[openai.AsyncOpenAI, openai.AsyncOpenAI, str]]:
    """Yield clients of two silent recorders of one database, and the URL of their model server."""
    async with (
        asyncio.timeout(limit_s(20)),
        raw_model(model) as url,
        recording_of(url, database_url, beat_s=SILENT_S) as client,
        recording_of(url, database_url, beat_s=SILENT_S) as elsewhere,
    ):
        yield client, elsewhere, url


async def test_what_a_process_leaves_behind_is_given_up_by_those_that_go_on(
    database_url: str,
) -> None:
    model = Gated()
    async with sharing(model, database_url) as (client, elsewhere, url):
        left = await begun_and_asked(model, elsewhere)
        async with recording_of(url, database_url, beat_s=0.02):
            given_up = await ended(client, left.id)
    assert given_up.status == "failed"
    assert given_up.error is not None
    assert "ended before the response was complete" in given_up.error.message


async def test_what_was_deleted_while_it_ran_elsewhere_is_not_looked_at_for_ever(
    database_url: str, sql: Sql
) -> None:
    model = Gated()
    async with sharing(model, database_url) as (client, elsewhere, url):
        left = await begun_and_asked(model, elsewhere)
        await client.responses.delete(left.id)

        async def is_unmarked() -> bool:
            await asyncio.sleep(0)  # SQLite is asked without waiting
            (row,) = await sql("SELECT import_key, deleted_at FROM responses")
            return row[0] is None and row[1] is not None

        async with recording_of(url, database_url, beat_s=0.02):
            await until(is_unmarked)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(left.id)


async def test_an_answer_to_what_was_cancelled_elsewhere_is_dropped_and_followers_see_it(
    database_url: str,
) -> None:
    model = Gated()
    async with sharing(model, database_url) as (client, elsewhere, _):
        found = await begun_and_asked(model, client)
        following = await client.responses.retrieve(found.id, stream=True)
        cancelled = await elsewhere.responses.cancel(found.id)
        model.may.set()
        last = [event async for event in following][-1]
        again = await stream(client, found.id)
        outcomes = counted(await metrics_of(client), "backscroll_model_answers_total")
    assert last.type == again[-1]["type"] == "response.failed"
    assert last.response == cancelled
    assert (cancelled.status, cancelled.output) == ("cancelled", [])
    assert list(outcomes) == [("responses", "", "cancelled")]
