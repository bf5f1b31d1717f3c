"""Requests embeddings of texts: vectors that are similar if the texts have similar meanings.

The endpoint is `/embeddings` of any server with OpenAI's API.
"""

import asyncio
import json
import math
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    import httpx2

Vector: TypeAlias = tuple[float, ...]

MAX_DIMENSIONS: Final = 8_192
"""The maximum number of dimensions of a vector."""
REPLY_BYTES: Final = 16_777_216
"""The maximum length of a reply, in bytes."""

_OF_A_TEXT: Final = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


class Endpoint(Struct, frozen=True):
    """An embeddings endpoint, as the operator configured it.

    Attributes:
        url: the base URL of an API such as OpenAI's, or the URL of its `/embeddings`.
        model: the name of the model; empty to send none.
        key: the API key; empty to send none.
    """

    url: str
    model: str = ""
    key: str = ""

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("url", self.url), ("model", self.model)]

    def __repr__(self) -> str:
        return f"Endpoint(url={self.url!r}, model={self.model!r})"


class EmbeddingsError(Exception):
    """The endpoint did not send usable vectors. The message is one line, and quotes no content.

    Args:
        message: what went wrong.
        of_a_text: whether the endpoint refused one particular text. Other texts may still succeed.
    """

    def __init__(self, message: str, *, of_a_text: bool = False) -> None:
        super().__init__(message)
        self.of_a_text = of_a_text


class Embeddings:
    """Requests the vectors of texts from an endpoint.

    Args:
        endpoint: the endpoint.
        http: the HTTP client, which must not follow redirects.
    """

    def __init__(self, endpoint: Endpoint, http: "httpx2.AsyncClient") -> None:
        self.model = endpoint.model
        self._key = endpoint.key
        url = endpoint.url.rstrip("/")
        self._url = url if url.endswith("/embeddings") else f"{url}/embeddings"
        self._http = http

    async def vectors(self, texts: Sequence[str], limit_s: float) -> list[Vector]:
        """Return a unit vector for each text; an empty vector if the endpoint sent only zeros.

        Args:
            texts: the texts; at least one.
            limit_s: the time limit, in seconds.

        Raises:
            EmbeddingsError: the endpoint failed, took too long, or sent a reply that is not valid.
        """
        import httpx2

        from backscroll_tools.client.environment import UnusableVariableError

        try:
            async with asyncio.timeout(limit_s):
                raw = await self._asked(texts)
        except TimeoutError:
            raise EmbeddingsError(f"no answer within {limit_s:g} s") from None
        except UnusableVariableError as error:
            raise EmbeddingsError(str(error)) from None
        except httpx2.HTTPError as error:
            raise EmbeddingsError(f"the request failed: {type(error).__name__}") from None
        try:
            reply = json.loads(raw)
        except (ValueError, RecursionError):
            raise EmbeddingsError("the reply is not JSON") from None
        return [_normalized(each) for each in _in_order(reply, len(texts))]

    async def _asked(self, texts: Sequence[str]) -> bytes:
        body = {"input": list(texts), "encoding_format": "float"}
        if self.model:
            body["model"] = self.model
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        async with self._http.stream("POST", self._url, json=body, headers=headers) as reply:
            if reply.status_code != HTTPStatus.OK:
                raise EmbeddingsError(
                    f"HTTP status {reply.status_code}", of_a_text=reply.status_code in _OF_A_TEXT
                )
            raw = bytearray()
            async for chunk in reply.aiter_bytes():
                raw += chunk
                if len(raw) > REPLY_BYTES:
                    raise EmbeddingsError("the reply is too large")
            return bytes(raw)


def _in_order(reply: Any, count: int) -> list[list[Any]]:  # noqa: ANN401 - JSON
    """Return the vectors of a reply in the order of the texts."""
    data = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(data, list) or len(data) != count:
        raise EmbeddingsError("the reply does not have a vector for each text")
    found: dict[int, list[Any]] = {}
    for at, each in enumerate(data):
        vector = each.get("embedding") if isinstance(each, dict) else None
        if not isinstance(vector, list) or not 0 < len(vector) <= MAX_DIMENSIONS:
            raise EmbeddingsError("the reply has an embedding that is not a vector")
        index = each.get("index", at)
        if not isinstance(index, int):
            raise EmbeddingsError("the reply has an index that is not an integer")
        found[index] = vector
    if sorted(found) != list(range(count)) or len({len(each) for each in found.values()}) > 1:
        raise EmbeddingsError("the reply does not have a vector of the same length for each text")
    return [found[at] for at in range(count)]


def _normalized(vector: list[Any]) -> Vector:
    most = sys.float_info.max  # JSON allows integers that no float can represent
    if not all(isinstance(each, int | float) and abs(each) <= most for each in vector):
        raise EmbeddingsError("the reply has an embedding that is not a vector")
    length = math.hypot(*vector)
    return tuple(each / length for each in vector) if 0 < length < math.inf else ()
