"""The recorder is stopped while models answer: what callers got is kept."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import openai
import pytest

from backscroll.commands.store.store_server import StoreServer, configuration
from backscroll.store.app import open_store
from backscroll.store.recorder.model_server import ModelServer
from tests.loopback import served
from tests.models.process import model_here
from tests.pace import limit_s
from tests.store.recorder.recording import listed, official

TEXT = "/pause 0.01\n/say " + " ".join(map(str, range(5_000)))


@dataclass(frozen=True, slots=True)
class Stoppable:
    """A recorder that is served as `backscroll store` serves it.

    Attributes:
        server: stops once its `should_exit` is set.
        serving: ends once it has stopped.
        client: asks it.
        later: asks the same store, also after that.
    """

    server: StoreServer
    serving: "asyncio.Task[None]"
    client: openai.AsyncOpenAI
    later: openai.AsyncOpenAI


@asynccontextmanager
async def stoppable(requests_s: int) -> AsyncIterator[Stoppable]:
    """Run such a recorder, which gives requests `requests_s` seconds to end when it is stopped."""
    async with (
        asyncio.timeout(limit_s(10)),
        model_here() as model,
        open_store("sqlite://", model_server=ModelServer(url=model.url)) as store,
        served(store.app) as origin,
        official(f"{origin}/v1") as later,
    ):
        config = configuration(store.app)
        config.timeout_graceful_shutdown = requests_s
        server = StoreServer(config, store.stop)
        with socket.socket(proto=socket.IPPROTO_TCP) as listening:
            listening.bind(("127.0.0.1", 0))
            serving = asyncio.create_task(server.serve([listening]))
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
            async with official(url) as client:
                yield Stoppable(server, serving, client, later)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
async def test_what_a_caller_got_before_the_recorder_was_stopped_is_kept(
    key: dict[str, str],
) -> None:
    async with stoppable(0) as here:
        stream = await here.client.responses.create(
            model="m", input=TEXT, stream=True, extra_headers=key
        )
        assert (await anext(aiter(stream))).type == "response.created"
        here.server.should_exit = True
        await here.serving
        (kept,) = await listed(here.later, "/responses")
    assert kept["status"] == "incomplete"
    assert kept["incomplete_details"] == {"reason": "cut_off"}


async def test_followers_of_a_response_in_the_background_get_its_end_at_once() -> None:
    async with stoppable(3_600) as here:
        stream = await here.client.responses.create(
            model="m", input=TEXT, background=True, stream=True
        )
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        here.server.should_exit = True
        last = [event async for event in stream][-1]
        await here.serving
        (kept,) = await listed(here.later, "/responses")
    assert last.type == "response.incomplete"
    assert last.response.to_dict() == kept
    assert kept["incomplete_details"] == {"reason": "cut_off"}
