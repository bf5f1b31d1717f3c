"""A recorder with many streams at once, and one that is killed in the middle of them."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import openai
import pytest
from openai.types.responses import Response

from backscroll.store.app import open_store
from backscroll.store.recorder.model_server import ModelServer
from bench.memory import mebibytes
from tests.faults.figures import record, sized
from tests.loopback import served
from tests.models.process import model_here, model_server
from tests.pace import limit_s
from tests.store.recorder.recording import asked, official, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

STREAMS: Final = sized(quick=20, long=200)
ROUNDS: Final = sized(quick=2, long=10)
BACKGROUND: Final = sized(quick=10, long=50)
LASTING_S: Final = sized(quick=2, long=60)
GROWTH_MIB: Final = 32
"""How much memory the recorder may take while the number of streams stays the same."""


@asynccontextmanager
async def store_process(path: Path, model_url: str) -> AsyncIterator[tuple[str, int]]:
    """Run `backscroll store --forward`, and yield its base URL and its process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backscroll", "store", "--port", "0"),
        *("--database", f"sqlite:///{path}", "--forward", model_url),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stderr is not None
    try:
        said = await asyncio.wait_for(process.stderr.readline(), limit_s(30))
        yield said.decode().split()[4].removesuffix(","), process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended_stream(client: openai.AsyncOpenAI, text: str, ended: dict[str, str]) -> None:
    """Read the stream of a response to its end, and note its id and text; or until it breaks."""
    try:
        stream = await client.responses.create(
            model="m", input=f"/pause 0.01\n/say {text}", stream=True
        )
        async for event in stream:
            if event.type == "response.completed":
                ended[event.response.id] = event.response.output_text
    except (openai.APIError, OSError):
        return


async def ended_chunks(client: openai.AsyncOpenAI, text: str, ended: dict[str, str]) -> None:
    """Do so with the stream of a chat completion, which ends with `[DONE]`."""
    completion_id, said, is_finished = "", "", False
    try:
        messages = asked(f"/pause 0.01\n/say {text}")
        stream = await client.chat.completions.create(
            model="m", messages=messages, stream=True, store=True
        )
        async for chunk in stream:
            completion_id = chunk.id
            said += chunk.choices[0].delta.content or ""
            is_finished = chunk.choices[0].finish_reason is not None
        if is_finished:
            ended[completion_id] = said
    except (openai.APIError, OSError):
        return


@pytest.mark.timeout(limit_s(sized(quick=60, long=1_200)))
async def test_an_answer_that_its_caller_saw_end_survives_a_kill(tmp_path: Path) -> None:
    source = random.Random(20)
    path = tmp_path / "store.db"
    responses: dict[str, str] = {}
    completions: dict[str, str] = {}
    async with model_here() as model:
        for turn in range(ROUNDS):
            async with store_process(path, model.url) as (url, pid), official(url) as client:
                words = [
                    " ".join(f"{turn}.{number}.{word}" for word in range(source.randint(1, 40)))
                    for number in range(STREAMS)
                ]
                running = [
                    asyncio.create_task(
                        ended_stream(client, text, responses)
                        if number % 2
                        else ended_chunks(client, text, completions)
                    )
                    for number, text in enumerate(words)
                ]
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(source.random() * 0.2)
                assert done
                os.kill(pid, signal.SIGKILL)
                await asyncio.gather(*running)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with (
        open_store(f"sqlite:///{path}") as store,
        served(store.app) as origin,
        official(f"{origin}/v1") as client,
    ):
        kept = {each: (await client.responses.retrieve(each)).output_text for each in responses}
        said = {
            each: (await client.chat.completions.retrieve(each)).choices[0].message.content
            for each in completions
        }
    assert len(responses) + len(completions) >= ROUNDS
    assert kept == responses
    assert said == completions
    record(
        f"kill -9 of the recorder in {STREAMS} streams",
        f"{ROUNDS} rounds, {len(kept) + len(said):,} streams had ended for their callers: 0 lost",
    )


async def begun_in_background(client: openai.AsyncOpenAI, text: str) -> str:
    """Begin a response in the background, and return its id."""
    body = f"/pause 0.01\n/say {text}"
    return (await client.responses.create(model="m", input=body, background=True)).id


@pytest.mark.timeout(limit_s(sized(quick=60, long=600)))
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
async def test_responses_in_the_background_end_although_their_recorder_does(
    tmp_path: Path, by: signal.Signals
) -> None:
    path = tmp_path / "store.db"
    source = random.Random(21)
    words = {
        f"{number} " + " ".join(map(str, range(source.randint(1, 4) ** 4)))
        for number in range(BACKGROUND)
    }
    async with model_here() as model:
        async with store_process(path, model.url) as (url, pid), official(url) as client:
            begun = {await begun_in_background(client, text): text for text in words}

            async def ended() -> set[str]:
                page = await client.get("/responses?limit=100", cast_to=dict)
                return {each["id"] for each in page["data"] if each["status"] == "completed"}

            whole = await until(ended)
            os.kill(pid, by)
            await until(lambda: has_ended(pid))
        server = ModelServer(url=model.url, beat_s=0.05)
        async with (
            open_store(f"sqlite:///{path}", model_server=server) as store,
            served(store.app) as origin,
            official(f"{origin}/v1") as client,
        ):

            async def found() -> dict[str, Response] | None:
                kept = {each: await client.responses.retrieve(each) for each in begun}
                running = {"queued", "in_progress"} & {str(each.status) for each in kept.values()}
                return None if running else kept

            kept = await until(found)
    assert kept is not None
    statuses = {str(each.status) for each in kept.values()}
    said = {each.id: each.output_text for each in kept.values() if each.status == "completed"}
    assert statuses >= {"completed", "failed" if by == signal.SIGKILL else "incomplete"}
    assert whole <= set(said)
    assert said == {each: begun[each] for each in said}
    what = "cut short" if by == signal.SIGTERM else "failed"
    record(
        f"{by.name} to the recorder with {BACKGROUND} responses in the background",
        f"{len(said)} had ended: 0 lost; {len(kept) - len(said)} {what}, 0 left running",
    )


async def has_ended(pid: int) -> bool:
    """Return whether a process, which was started here, has ended."""
    await asyncio.sleep(0.01)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.timeout(limit_s(sized(quick=60, long=600)))
async def test_streams_at_once_are_neither_lost_nor_mixed_and_memory_stays_flat(
    tmp_path: Path,
) -> None:
    responses: dict[str, str] = {}
    completions: dict[str, str] = {}
    wanted: list[str] = []

    async def go_on(client: openai.AsyncOpenAI, number: int, stop_at: float) -> None:
        turn = 0
        while time.monotonic() < stop_at:
            text = " ".join(f"{number}.{turn}.{word}" for word in range(30))
            wanted.append(text)
            if number % 2:
                await ended_stream(client, text, responses)
            else:
                await ended_chunks(client, text, completions)
            turn += 1

    async with (
        model_server() as model,
        store_process(tmp_path / "store.db", model.url) as (url, pid),
        official(url) as client,
    ):
        idle = mebibytes(pid, "VmRSS")
        stop_at = time.monotonic() + LASTING_S  # now, because processes take a while to start
        running = [asyncio.create_task(go_on(client, number, stop_at)) for number in range(STREAMS)]
        await asyncio.sleep(LASTING_S / 3)
        before = mebibytes(pid, "VmRSS")
        await asyncio.gather(*running)
        after = mebibytes(pid, "VmRSS")
        kept = {each: (await client.responses.retrieve(each)).output_text for each in responses}
        said = {
            each: (await client.chat.completions.retrieve(each)).choices[0].message.content
            for each in completions
        }
    assert len(wanted) >= STREAMS
    assert kept == responses
    assert said == completions
    assert sorted([*kept.values(), *map(str, said.values())]) == sorted(wanted)
    assert after - before < GROWTH_MIB
    record(
        f"{STREAMS} streams at once through the recorder for {LASTING_S} s",
        f"{len(wanted):,} answers: 0 lost, 0 mixed; {idle:.0f} MiB at the start, {before:.0f} MiB "
        f"after {LASTING_S // 3} s, {after:.0f} MiB at the end",
    )
