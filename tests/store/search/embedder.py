"""An endpoint of embeddings on loopback. It knows which words mean the same, and can fail."""

import asyncio
import hashlib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.loopback import served

Vector: TypeAlias = list[float]
Fault: TypeAlias = Callable[[list[str], list[Any]], Awaitable[Response | None]]

DIMENSIONS = 256
SAME = {"automobile": "car", "vehicle": "car", "reimbursement": "refund", "money": "refund"}


@cache
def _of_word(word: str, dimensions: int) -> tuple[float, ...]:
    seed = hashlib.sha256(SAME.get(word, word).encode()).digest()
    draw = random.Random(seed)
    return tuple(draw.gauss(0, 1) for _ in range(dimensions))


def embedded(text: str, dimensions: int = DIMENSIONS) -> Vector:
    """Return the sum of a vector for each word of a text."""
    words = [_of_word(word, dimensions) for word in re.findall(r"\w+", text.lower())]
    return [sum(each) for each in zip(*words, strict=True)] or [0.0] * dimensions


@dataclass
class Embedder:
    """The endpoint.

    Attributes:
        url: its base URL.
        asked: the texts of each request.
        headers: the headers of each request.
        fault: given the texts and the data of a reply, changes the data or returns another reply.
    """

    url: str = ""
    asked: list[list[str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    models: list[str | None] = field(default_factory=list)
    fault: Fault | None = None

    @property
    def texts(self) -> list[str]:
        """All texts that were asked for."""
        return [text for texts in self.asked for text in texts]

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        texts = body["input"]
        self.asked.append(texts)
        self.headers.append(dict(request.headers))
        self.models.append(body.get("model"))
        data: list[Any] = [
            {"object": "embedding", "index": at, "embedding": embedded(text)}
            for at, text in enumerate(texts)
        ]
        reply = await self._faulty(request, texts, data)
        return reply or JSONResponse({"object": "list", "data": data, "model": "m"})

    async def _faulty(self, request: Request, texts: list[str], data: list[Any]) -> Response | None:
        """Return the reply of the fault. A client that leaves ends a fault that never replies."""
        if self.fault is None:
            return None
        fault = asyncio.ensure_future(self.fault(texts, data))
        gone = asyncio.ensure_future(request.receive())
        await asyncio.wait((fault, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if fault.done():
            return fault.result()
        fault.cancel()
        return Response(status_code=503)


@asynccontextmanager
async def embedder() -> AsyncIterator[Embedder]:
    """Serve the endpoint."""
    made = Embedder()
    app = Starlette(routes=[Route("/v1/embeddings", made.answer, methods=["POST"])])
    async with served(app) as origin:
        made.url = f"{origin}/v1"
        yield made


async def fails(_texts: list[str], _data: list[Any]) -> Response:
    return JSONResponse({"error": {"message": "broken"}}, 500)


async def is_slow(_texts: list[str], _data: list[Any]) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


async def sends_fewer(_texts: list[str], data: list[Any]) -> None:
    data.pop()


async def sends_others(texts: list[str], data: list[Any]) -> None:
    data[0]["embedding"] = embedded(texts[0], 8)


async def sends_no_numbers(_texts: list[str], data: list[Any]) -> None:
    data[0]["embedding"] = ["a"] * DIMENSIONS


async def sends_huge_numbers(_texts: list[str], data: list[Any]) -> None:
    data[0]["embedding"] = [10**400] * DIMENSIONS


async def sends_a_list_as_index(_texts: list[str], data: list[Any]) -> None:
    data[0]["index"] = []


async def sends_null_as_index(_texts: list[str], data: list[Any]) -> None:
    data[0]["index"] = None


async def sends_indexes_twice(_texts: list[str], data: list[Any]) -> None:
    data[-1]["index"] = 1


async def sends_text(_texts: list[str], _data: list[Any]) -> Response:
    return Response("<html>", media_type="text/html")


async def sends_too_much(_texts: list[str], _data: list[Any]) -> Response:
    return Response(b" " * 17_000_000)
