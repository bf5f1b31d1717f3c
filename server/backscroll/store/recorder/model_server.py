"""The model server that the recorder forwards to, as the operator configured it."""

from typing import Literal, TypeAlias

from msgspec import Struct

Record: TypeAlias = Literal["api", "all", "none", "best-effort"]
"""What is recorded.

`api`: what OpenAI's API would keep: responses unless they have `store: false`, and completions with
`store: true`. `all`: every answer. `none`: no answer. `best-effort`: the same as `api`, but if the
database fails, the answer is passed on unrecorded.
"""

State: TypeAlias = Literal["store", "upstream"]
"""Who resolves `previous_response_id` and `conversation`: the store, or the model server."""


class ModelServer(Struct, frozen=True, kw_only=True):
    """A model server, and what is recorded of it.

    Attributes:
        url: the base URL of its API. If the URL has no path, `/v1` is added.
        key: its API key; empty to pass on the key of each caller.
        record: what is recorded.
        state: who keeps responses for later turns.
        connect_s: the maximum time to connect, in seconds.
        idle_s: the maximum time between two parts of an answer, in seconds. The default is that of
            OpenAI's client libraries for a whole request.
        answer_s: the maximum duration of an answer, in seconds.
        after_end_s: how long the model server may keep the connection open after the last event, in
            seconds.
        caller_s: how long a caller may stay connected and take nothing of an answer, in seconds.
        answer_bytes: the maximum size of an answer that is recorded, in bytes.
        request_bytes: the maximum size of a request with the earlier turns that it continues, in
            bytes.
        background_runs: how many responses may run in the background at once.
        events_bytes: how many bytes of the events of a response in the background are kept.
        events_s: for how long they are kept after the response has ended, in seconds.
        all_events_bytes: how many bytes of the events of ended responses are kept.
        beat_s: how often a process says which responses it runs, in seconds.
        upload_bytes: the maximum size of a request body that is passed on unread, in bytes.
    """

    url: str
    key: str = ""
    record: Record = "api"
    state: State = "store"
    connect_s: float = 10.0
    idle_s: float = 600.0
    answer_s: float = 3_600.0
    after_end_s: float = 1.0
    caller_s: float = 60.0
    answer_bytes: int = 128 * 1024 * 1024
    request_bytes: int = 32 * 1024 * 1024
    background_runs: int = 64
    events_bytes: int = 4 * 1024 * 1024
    events_s: float = 600.0
    all_events_bytes: int = 64 * 1024 * 1024
    beat_s: float = 10.0
    upload_bytes: int = 1024 * 1024 * 1024

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name != "key"]

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"ModelServer({', '.join(shown)})"
