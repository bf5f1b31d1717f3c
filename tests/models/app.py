"""The endpoints of the model server, over what it is asked and what it keeps."""

import base64
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.models.completions import chunks, completion
from tests.models.dialects import Dialect, as_events
from tests.models.kept import Kept, Responses, items_of
from tests.models.responses import events, response
from tests.models.script import (
    JSON,
    Answer,
    answer_to,
    pieces,
    turns_of_input,
    turns_of_messages,
)
from tests.models.sending import Sent, in_pieces, nothing, once, packed, with_faults

EVENTS = "text/event-stream; charset=utf-8"
PAGE = "<!doctype html><title>Sign in</title><p>Please sign in to this network."


class ModelApp:
    """A model server that speaks one dialect.

    Attributes:
        asked: each request: its method, path, query, headers and body.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kept = Responses()
        self._failed: set[bytes] = set()
        self._number = 0
        self.asked: list[JSON] = []

    def app(self) -> ASGIApp:
        """Return the application."""
        keeps = self._dialect.state == "keeps"
        routes = [
            Route("/-/asked", self._tell_asked),
            self._route("POST", "/v1/chat/completions", self._complete),
            self._route("POST", "/v1/responses", self._respond),
            self._route("GET", "/v1/models", self._models),
            self._route("POST", "/v1/embeddings", self._embed),
            self._route("POST", "/v1/audio/speech", self._speak),
        ]
        if keeps:
            one = "/v1/responses/{response_id}"
            routes += [
                self._route("GET", one, self._get),
                self._route("DELETE", one, self._delete),
                self._route("POST", f"{one}/cancel", self._cancel),
                self._route("GET", f"{one}/input_items", self._input_items),
            ]
        routes.append(self._route("*", "/{path:path}", self._unknown))
        return Starlette(routes=routes)

    def _route(
        self, method: str, path: str, answering: Callable[[Request], Awaitable[Any]]
    ) -> Route:
        async def endpoint(request: Request) -> Any:  # noqa: ANN401 - any ASGI application
            body = await request.body()
            self.asked.append(
                {
                    "method": request.method,
                    "path": request.url.path,
                    "query": request.url.query,
                    "headers": dict(request.headers),
                    "body": body.decode(errors="replace"),
                }
            )
            self._number += 1
            return await answering(request)

        every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Route(path, endpoint, methods=every if method == "*" else [method])

    async def _tell_asked(self, _request: Request) -> Response:
        return JSONResponse(self.asked)

    # What is generated

    async def _complete(self, request: Request) -> Any:  # noqa: ANN401 - any ASGI application
        body = await request.json()
        form = (body.get("response_format") or {}).get("json_schema") or {}
        answer = answer_to(turns_of_messages(body["messages"]), form.get("schema"))
        early = await self._early(request, body, answer)
        if early is not None:
            return early
        number = self._number
        whole = completion(answer, body, self._dialect.completion_id(number))
        if not body.get("stream"):
            return self._whole(self._dialect.whole(whole), answer)
        frames = self._dialect.frames(chunks(whole, body), body)
        found = as_events(frames, self._dialect)
        if self._dialect.sends_done:
            found += as_events(["data: [DONE]"], self._dialect)
        return self._stream(found, answer)

    async def _respond(self, request: Request) -> Any:  # noqa: ANN401 - any ASGI application
        body = await request.json()
        refusal = self._refused_state(body)
        if refusal is not None:
            return self._error(*refusal)
        form = (body.get("text") or {}).get("format") or {}
        previous = body.get("previous_response_id")
        history = self._kept.history(previous) if previous else []
        turns = turns_of_input(history) + turns_of_input(body.get("input") or "")
        answer = answer_to(turns, form.get("schema"))
        early = await self._early(request, body, answer)
        if early is not None:
            return early
        response_id = self._dialect.response_id(self._number)
        if self._dialect.state in ("forgets", "ignores", "refuses"):
            body = {**body, "store": False, "previous_response_id": None}
        whole = response(answer, body, response_id)
        kept = Kept(whole, items_of(body.get("input"), response_id), bool(body.get("background")))
        is_known = self._dialect.keeps_streams or not body.get("stream")
        if self._dialect.state == "keeps" and is_known and whole["store"] is not False:
            self._kept.by_id[response_id] = kept
        if body.get("stream"):
            found = self._dialect.events(events(whole))
            return self._stream(as_events(list(found), self._dialect), answer)
        return self._whole(kept.now(), answer)

    def _refused_state(self, body: JSON) -> tuple[int, str, str | None] | None:
        """Return the status, message and code of the error for state that is not kept."""
        previous, state = body.get("previous_response_id"), self._dialect.state
        stores = state == "refuses storing" and body.get("store", True)
        if stores and "store" in body:
            return 400, "Invalid 'store': only false is supported.", "invalid_prompt"
        if not previous or state == "ignores" or previous in self._kept.by_id:
            return None
        message = f"Previous response with id '{previous}' not found."
        if state == "keeps":
            return 400, message, "previous_response_not_found"
        if state == "forgets":
            return 404, message, None
        return 400, f"{self._dialect} does not support 'previous_response_id'.", None

    async def _early(self, request: Request, body: JSON, answer: Answer) -> Any:  # noqa: ANN401 - any ASGI application
        """Return the answer of a server that answers something else; None if it does not."""
        refused = self._dialect.refused(body)
        if refused is not None:
            return self._error(400, refused, None)
        raw, commands = await request.body(), answer.commands
        for command in ("error", "error-once"):
            if command in commands and not (command == "error-once" and raw in self._failed):
                self._failed.add(raw)
                status, _, message = commands[command].partition(" ")
                return self._error(int(status), message, "scripted")
        if "html" in commands:
            return Response(PAGE, int(commands["html"] or 200), media_type="text/html")
        if "hang" in commands:
            return Sent(nothing(request.receive), EVENTS, {}, breaks=True)
        return None

    def _whole(self, value: JSON, answer: Answer) -> Sent:
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        headers = self._dialect.headers(self._number)
        if "huge" in answer.commands:
            body = body[:-1] + b',"filler":"' + b"x" * int(answer.number("huge") or 0) + b'"}'
        if "gzip" in answer.commands:
            body, more = packed(body)
            headers |= more
        breaks = "cut" in answer.commands
        sent = body[: len(body) // 2] if breaks else body
        headers["content-length"] = str(len(body))
        return Sent(once(sent), "application/json", headers, breaks=breaks)

    def _stream(self, found: list[bytes], answer: Answer) -> Sent:
        words = answer.commands.get("error-inside", "").partition(" ")[2]
        error = self._dialect.error(502, words or "The provider failed.", "provider_failed")
        sent = in_pieces(with_faults(found, answer, error), answer)
        headers = {"cache-control": "no-cache", **self._dialect.headers(self._number)}
        return Sent(sent, EVENTS, headers, breaks="cut" in answer.commands)

    def _error(self, status: int, message: str, code: str | None) -> Response:
        headers = self._dialect.headers(self._number)
        if status in (429, 503):
            headers |= {self._dialect.retry_header: "0", "x-should-retry": "true"}
        return JSONResponse(self._dialect.error(status, message, code), status, headers)

    # What is kept

    async def _get(self, request: Request) -> Any:  # noqa: ANN401 - any ASGI application
        kept = self._kept.by_id.get(request.path_params["response_id"])
        if kept is None:
            return self._not_found(request)
        if request.query_params.get("stream") == "true":
            after = int(request.query_params.get("starting_after", -1))
            left = [each for each in events(kept.whole) if each["sequence_number"] > after]
            return self._stream(as_events(list(left), self._dialect), Answer())
        now = kept.now()
        kept.asked += 1
        return self._whole(now, Answer())

    async def _delete(self, request: Request) -> Response:
        response_id = request.path_params["response_id"]
        if self._kept.by_id.pop(response_id, None) is None:
            return self._not_found(request)
        return JSONResponse({"id": response_id, "object": "response.deleted", "deleted": True})

    async def _cancel(self, request: Request) -> Any:  # noqa: ANN401 - any ASGI application
        kept = self._kept.by_id.get(request.path_params["response_id"])
        if kept is None:
            return self._not_found(request)
        if not kept.background:
            return self._error(400, "Only a response in the background can be cancelled.", None)
        kept.cancelled = kept.cancelled or kept.status in ("queued", "in_progress")
        return self._whole(kept.now(), Answer())

    async def _input_items(self, request: Request) -> Response:
        kept = self._kept.by_id.get(request.path_params["response_id"])
        if kept is None:
            return self._not_found(request)
        rows = kept.input if request.query_params.get("order") == "asc" else kept.input[::-1]
        return JSONResponse({"object": "list", "data": rows, "has_more": False})

    def _not_found(self, request: Request) -> Response:
        message = f"Response with id '{request.path_params['response_id']}' not found."
        return self._error(404, message, None)

    # What passes through

    async def _models(self, _request: Request) -> Response:
        model = {"id": "scripted", "object": "model", "created": 1, "owned_by": str(self._dialect)}
        return JSONResponse({"object": "list", "data": [model]})

    async def _embed(self, request: Request) -> Response:
        body = await request.json()
        given = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = []
        for index, text in enumerate(given):
            vector: Any = [float(len(text)), float(len(pieces(text))), 0.5]
            if body.get("encoding_format") == "base64":
                vector = base64.b64encode(struct.pack("<3f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        usage = {"prompt_tokens": len(given), "total_tokens": len(given)}
        return JSONResponse({"object": "list", "data": data, "model": "scripted", "usage": usage})

    async def _speak(self, request: Request) -> Response:
        body = await request.json()
        return Response(b"ID3\x00\xff" + body["input"].encode(), media_type="audio/mpeg")

    async def _unknown(self, request: Request) -> Response:
        message = f"Unknown request URL: {request.method} {request.url.path}."
        return self._error(404, message, "unknown_url")
