"""Responses in the background whose end or beginning meets a fault of the database, or a stop."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import openai
import pytest

from tests.pace import limit_s
from tests.store.recorder.raw_models import raw_model, whole
from tests.store.recorder.recording import ended, listed, recording_of, responded, until
from tests.store.recorder.test_background import Gated, begun_and_asked
from tests.store.recorder.test_metrics import metrics_of
from tests.store.test_failing_files import commits_that_end


@asynccontextmanager
async def recorder_of(url: str, path: Path) -> AsyncIterator[openai.AsyncOpenAI]:
    """Run a recorder with a database at `path`, and yield its client."""
    async with (
        asyncio.timeout(limit_s(20)),
        recording_of(url, f"sqlite:///{path}", beat_s=0.05) as client,
    ):
        yield client


async def test_the_error_of_a_model_server_is_kept_although_the_recorder_is_stopped(
    tmp_path: Path,
) -> None:
    path, may = tmp_path / "store.db", asyncio.Event()

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may.wait()
        writer.write(whole(404, b'{"error": {"message": "No.", "code": "model_not_found"}}'))

    async def is_refused() -> bool:
        return "status_404" in await metrics_of(client)

    with closing(sqlite3.connect(path, check_same_thread=False)) as locking:
        async with raw_model(refuse) as url, recorder_of(url, path) as client:
            found = await responded(client, input="one", background=True)
            locking.execute("BEGIN IMMEDIATE")
            may.set()
            await until(is_refused)
            asyncio.get_running_loop().call_later(0.3, locking.rollback)
    async with recorder_of(url, path) as client:
        kept = await client.responses.retrieve(found.id)
    assert kept.status == "failed"
    assert kept.to_dict()["error"] == {"code": "model_not_found", "message": "No."}


@contextmanager
def commit_seems_to_fail(once: str) -> Iterator[None]:
    """Let one commit succeed and report that the disk failed: the first after which there are rows.

    Args:
        once: selects the rows.
    """
    done: list[bool] = []

    def fail(connection: sqlite3.Connection) -> None:
        found = []
        with suppress(sqlite3.OperationalError):  # the tables may be missing yet
            found = connection.execute(once).fetchall()
        if found and not done:
            done.append(True)
            failure = sqlite3.OperationalError("disk I/O error")
            failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise failure

    with commits_that_end(fail):
        yield
    assert done


async def test_followers_see_what_was_committed_although_the_commit_seemed_to_fail(
    tmp_path: Path,
) -> None:
    model = Gated()
    with commit_seems_to_fail("SELECT 1 FROM responses WHERE import_key IS NULL"):
        async with raw_model(model) as url, recorder_of(url, tmp_path / "store.db") as client:
            found = await begun_and_asked(model, client)
            following = await client.responses.retrieve(found.id, stream=True)
            model.may.set()
            last = [event async for event in following][-1]
            kept = await ended(client, found.id)
    assert (kept.status, kept.output_text) == ("completed", "One two.")
    assert last.type == "response.completed"
    assert last.response == kept


async def test_a_response_whose_beginning_seemed_to_fail_does_not_stay_in_progress(
    tmp_path: Path,
) -> None:
    model, key = Gated(), {"Idempotency-Key": "once"}
    with commit_seems_to_fail("SELECT 1 FROM responses"):
        async with raw_model(model) as url, recorder_of(url, tmp_path / "store.db") as client:
            with pytest.raises(openai.InternalServerError, match="may or may not"):
                await responded(client, input="one", background=True, extra_headers=key)
            (begun,) = await listed(client, "/responses")
            kept = await ended(client, begun["id"])
            again = await responded(client, input="one", background=True, extra_headers=key)
    assert (kept.status, again) == ("failed", kept)
    assert not model.asked.is_set()
