"""A scripted model on loopback: it answers a host's requests, and keeps them."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from bench.hosts.apis.api import Api, in_json
from bench.hosts.script import Request, Step, answer

BODY_BYTES: Final = 20_000_000
"""The largest request that the model reads, in bytes."""


@dataclass(slots=True)
class Model:
    """A model that is served.

    Attributes:
        address: the URL at which the model is served, without a path.
        requests: what the host asked the model, in order.
        bodies: the JSON of each of these requests.
        other: the method and path of every other request that arrived.
    """

    address: str = ""
    requests: list[Request] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection of a host's."""

    server: "_Server"

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a request to the model."""
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked" or length > BODY_BYTES:
            self.close_connection = True
            self._send(413, b"{}", "application/json")
            return
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._send(400, b"{}", "application/json")
            return
        request = self.server.api.read(self.path, body)
        with self.server.lock:
            self.server.model.requests.append(request)
            self.server.model.bodies.append(body)
        reply = self.server.api.reply(request, answer(self.server.steps, request))
        self._send(200, reply.body, reply.media_type)

    def do_GET(self) -> None:
        """Answer that nothing is listed."""
        self._elsewhere()

    def do_HEAD(self) -> None:
        """Answer as to GET."""
        self._elsewhere()

    def do_CONNECT(self) -> None:
        """Refuse to be the proxy to another machine, and keep its name."""
        with self.server.lock:
            self.server.model.other.append(f"CONNECT {self.path}")
        self.close_connection = True
        self._send(403, b"{}", "application/json")

    def _elsewhere(self) -> None:
        with self.server.lock:
            self.server.model.other.append(f"{self.command} {self.path}")
        reply = in_json({"object": "list", "data": []})
        self._send(200, reply.body, reply.media_type)

    def _send(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Write no line for a request."""


class _Server(ThreadingHTTPServer):
    """The server of one scripted model."""

    daemon_threads = True

    def __init__(self, api: Api, steps: Sequence[Step], model: Model) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self.steps = steps
        self.model = model
        self.lock = threading.Lock()


@contextmanager
def served(api: Api, steps: Sequence[Step]) -> Iterator[Model]:
    """Serve a model that makes the calls of a script, on a free port of loopback."""
    model = Model()
    server = _Server(api, steps, model)
    model.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
