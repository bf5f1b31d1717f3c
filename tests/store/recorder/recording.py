"""A recorder in front of a scripted model server, each on a port of loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import openai
from msgspec.structs import replace
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from openai.types.responses import Response

from backscroll.database.locks import LOCK_S
from backscroll.store.app import Store, open_store
from backscroll.store.clock import Clock
from backscroll.store.recorder.model_server import ModelServer
from tests.loopback import NO_TLS, served
from tests.models.dialects import OPENAI, Dialect
from tests.models.process import ModelServer as ScriptedModel
from tests.models.process import model_here
from tests.pace import limit_s

CLOCK: Final = Clock()
JSON: TypeAlias = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorder that is running.

    Attributes:
        client: the official client, which asks the recorder.
        direct: the official client, which asks the same model server without the recorder.
        model: the model server.
        store: the recorder's store.
        url: the recorder's base URL.
    """

    client: openai.AsyncOpenAI
    direct: openai.AsyncOpenAI
    model: ScriptedModel
    store: Store
    url: str


@asynccontextmanager
async def recording(
    dialect: Dialect = OPENAI,
    database: str = "sqlite://",
    lock_s: float = LOCK_S,
    clock: Clock = CLOCK,
    **options: Any,  # noqa: ANN401 - a value for each field
) -> AsyncIterator[Recording]:
    """Run a recorder in front of a scripted model.

    Args:
        dialect: what the model server speaks.
        database: the URL of the store's database.
        lock_s: how long its writes wait for a lock, in seconds.
        clock: its clocks.
        options: the settings and limits of the recorder: fields of `ModelServer`.
    """
    async with model_here(dialect) as model:
        server = replace(ModelServer(url=model.url), **options)
        async with (
            open_store(database, clock, lock_s, model_server=server) as store,
            served(store.app) as origin,
            official(f"{origin}/v1") as client,
            official(model.url) as direct,
        ):
            yield Recording(client, direct, model, store, f"{origin}/v1")


@asynccontextmanager
async def recording_of(
    url: str,
    database: str = "sqlite://",
    **options: Any,  # noqa: ANN401 - a value for each field
) -> AsyncIterator[openai.AsyncOpenAI]:
    """Run a recorder in front of any URL, and yield its client."""
    server = replace(ModelServer(url=url), **options)
    async with (
        open_store(database, model_server=server) as store,
        served(store.app) as origin,
        official(f"{origin}/v1") as client,
    ):
        yield client


def official(url: str) -> openai.AsyncOpenAI:
    """Return the official client of a server, without retries."""
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    return openai.AsyncOpenAI(api_key="sk-caller", base_url=url, max_retries=0, http_client=http)


async def completed(
    client: openai.AsyncOpenAI,
    **request: Any,  # noqa: ANN401 - any parameter of the API
) -> ChatCompletion:
    """Return a chat completion that is not streamed."""
    found = await client.chat.completions.create(**request)
    assert isinstance(found, ChatCompletion)
    return found


async def chunks_of(
    client: openai.AsyncOpenAI,
    **request: Any,  # noqa: ANN401 - any parameter of the API
) -> list[JSON]:
    """Return every chunk of a streamed chat completion."""
    stream = await client.chat.completions.create(stream=True, **request)
    return [chunk.model_dump() async for chunk in stream]


async def responded(
    client: openai.AsyncOpenAI,
    **request: Any,  # noqa: ANN401 - any parameter of the API
) -> Response:
    """Return a response, which is the last event's if `stream` is true."""
    if not request.get("stream"):
        found = await client.responses.create(**{"model": "m", **request})
        assert isinstance(found, Response)
        return found
    stream = await client.responses.create(**{"model": "m", **request})
    last = [event async for event in stream][-1].response
    assert isinstance(last, Response)
    return last


async def events_of(
    client: openai.AsyncOpenAI,
    **request: Any,  # noqa: ANN401 - any parameter of the API
) -> list[JSON]:
    """Return every event of a streamed response."""
    stream = await client.responses.create(**{"model": "m", "stream": True, **request})
    return [event.model_dump() async for event in stream]


async def listed(client: openai.AsyncOpenAI, path: str) -> list[JSON]:
    """Return a page of a list of the store's own."""
    page: JSON = await client.get(path, cast_to=dict)
    data: list[JSON] = page["data"]
    return data


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """Return what `look` returns, as soon as that is not empty."""
    async with asyncio.timeout(limit_s(20)):
        while not (found := await look()):
            pass
        return found


def asked(text: str) -> list[ChatCompletionMessageParam]:
    """Return the messages of a request with one question."""
    return [{"role": "user", "content": text}]


def texts(items: Iterable[Any]) -> list[str]:
    """Return the first text of each message among items, of the client or as JSON."""
    plain = (item if isinstance(item, dict) else item.model_dump() for item in items)
    contents = (item["content"] for item in plain if "content" in item)
    return [each if isinstance(each, str) else each[0]["text"] for each in contents]


def without(value: Any, *names: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return an object of the client as JSON, without some fields at any depth."""
    plain = value.model_dump() if hasattr(value, "model_dump") else value
    if isinstance(plain, dict):
        return {key: without(each, *names) for key, each in plain.items() if key not in names}
    if isinstance(plain, list):
        return [without(each, *names) for each in plain]
    return plain


async def ended(client: openai.AsyncOpenAI, response_id: str) -> Response:
    """Return a response as soon as it has ended."""

    async def look() -> Response | None:
        found = await client.responses.retrieve(response_id)
        return None if found.status in ("queued", "in_progress") else found  # a list if it is odd

    last = await until(look)
    assert last is not None
    return last
