"""Each method of the official client is served, or answered once with the reason.

Both clients, the synchronous and the asynchronous one, validate each reply against their types.
"""

# mypy: disable-error-code="deprecated"
# The client marks all of `beta.threads` so; being served what it deprecates is what it is for here.

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2
import openai
import pytest

from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from tests.loopback import NO_TLS
from tests.store.conftest import on_one_engine
from tests.store.official_methods import Method, call, methods

pytestmark = [
    on_one_engine,
    # The client marks the Assistants API and some older methods.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ROOTS = (
    *("beta.assistants", "beta.threads", "conversations", "chat.completions"),
    *("responses", "models", "files", "vector_stores"),
)
TEXT = {"type": "input_text", "text": "Hello"}
ANSWER = {"type": "output_text", "text": "Hi", "annotations": []}
MESSAGE = {"type": "message", "role": "user", "status": "completed", "content": [TEXT]}
OUTPUT = {"type": "message", "role": "assistant", "status": "completed", "content": [ANSWER]}
TOOLS = [
    {"type": "code_interpreter"},
    {"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 0.5}}},
    {"type": "function", "function": {"name": "look", "parameters": {}, "strict": None}},
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
PAGE: dict[str, Any] = {"limit": 2, "order": "asc"}

ASSISTANT = "the id of the created assistant"

SERVED: dict[str, Callable[[Any], Any]] = {
    "beta.assistants.create": lambda it: it(
        model="m", name="Ada", tools=TOOLS, response_format=SCHEMA, metadata={"a": "b"}
    ),
    "beta.assistants.retrieve": lambda it: it(ASSISTANT),
    "beta.assistants.update": lambda it: it(ASSISTANT, tools=TOOLS, temperature=0.5),
    "beta.assistants.list": lambda it: it(**PAGE),
    "beta.assistants.delete": lambda it: it(ASSISTANT),
    "beta.threads.create": lambda it: it(messages=[{"role": "user", "content": "Hello"}]),
    "beta.threads.retrieve": lambda it: it("thread_1"),
    "beta.threads.update": lambda it: it("thread_1", metadata={"a": "b"}),
    "beta.threads.messages.create": lambda it: it("thread_1", role="user", content="Hello"),
    "beta.threads.messages.retrieve": lambda it: it("msg_1", thread_id="thread_1"),
    "beta.threads.messages.update": lambda it: it("msg_1", thread_id="thread_1", metadata={}),
    "beta.threads.messages.list": lambda it: it("thread_1", **PAGE),
    "beta.threads.messages.delete": lambda it: it("msg_1", thread_id="thread_1"),
    "beta.threads.delete": lambda it: it("thread_1"),
    "conversations.create": lambda it: it(items=[MESSAGE], metadata={"a": "b"}),
    "conversations.retrieve": lambda it: it("conv_1"),
    "conversations.update": lambda it: it("conv_1", metadata={"a": "b"}),
    "conversations.items.create": lambda it: it("conv_1", items=[MESSAGE]),
    "conversations.items.retrieve": lambda it: it("msg_9", conversation_id="conv_1"),
    "conversations.items.list": lambda it: it("conv_1", **PAGE),
    "conversations.items.delete": lambda it: it("msg_9", conversation_id="conv_1"),
    "conversations.delete": lambda it: it("conv_1"),
    "chat.completions.retrieve": lambda it: it("chatcmpl-1"),
    "chat.completions.update": lambda it: it("chatcmpl-1", metadata={"a": "b"}),
    "chat.completions.list": lambda it: it(**PAGE),
    "chat.completions.messages.list": lambda it: it("chatcmpl-1", **PAGE),
    "chat.completions.delete": lambda it: it("chatcmpl-1"),
    "responses.retrieve": lambda it: it("resp_1"),
    "responses.input_items.list": lambda it: it("resp_1", **PAGE),
    "responses.delete": lambda it: it("resp_1"),
    "models.list": lambda it: it(),
}
"""A request for each method that the store serves, in an order in which each finds its object."""

NO_SUCH_MODEL = {"models.retrieve", "models.delete"}


@dataclass
class Official:
    """One of the two official clients.

    Attributes:
        client: the client.
        statuses: the status of each reply that it received.
    """

    client: Any
    statuses: list[int] = field(default_factory=list)

    def methods(self) -> dict[str, Method]:
        found: dict[str, Method] = {}
        for root in ROOTS:
            resource = self.client
            for name in root.split("."):
                resource = getattr(resource, name)
            found |= methods(resource, root)
        return found

    async def run(self, request: Callable[[], Any]) -> object:
        """Send a request, and return the parsed reply."""
        if isinstance(self.client, openai.OpenAI):
            return await asyncio.to_thread(request)
        result = request()
        return await result if inspect.isawaitable(result) else result


@pytest.fixture(params=["sync", "async"])
async def official(live_store: str, request: pytest.FixtureRequest) -> AsyncIterator[Official]:
    common: Any = {"api_key": "none", "base_url": live_store, "_strict_response_validation": True}
    statuses: list[int] = []

    async def note(reply: httpx2.Response) -> None:
        statuses.append(reply.status_code)

    if request.param == "async":
        async with httpx2.AsyncClient(verify=NO_TLS, event_hooks={"response": [note]}) as http:
            yield Official(openai.AsyncOpenAI(http_client=http, **common), statuses)
        return
    hooks = {"response": [lambda reply: statuses.append(reply.status_code)]}
    with httpx2.Client(verify=NO_TLS, event_hooks=hooks) as over:
        yield Official(openai.OpenAI(http_client=over, **common), statuses)


async def test_every_method_is_served_or_answered_once_with_501(official: Official) -> None:
    served, refused = set(), set()
    for name, method in official.methods().items():
        if name.endswith("stream"):
            continue  # it returns an object that sends the request when it is entered
        official.statuses.clear()
        # Some methods check their arguments before they send a request.
        with suppress(openai.APIStatusError, TypeError, ValueError, RuntimeError):
            await official.run(partial(call, method))
        if official.statuses == [501]:
            refused.add(name)
        elif official.statuses:
            served.add(name)
    assert served == SERVED.keys() | NO_SUCH_MODEL
    assert refused >= {
        *("responses.create", "responses.cancel", "chat.completions.create", "files.list"),
        *("beta.threads.create_and_run", "beta.threads.runs.create", "beta.threads.runs.list"),
        *("beta.threads.runs.steps.list", "files.create", "vector_stores.create"),
        *("vector_stores.search", "vector_stores.files.list", "vector_stores.file_batches.create"),
    }


async def test_what_is_served_is_what_the_client_s_types_declare(
    official: Official, store: Store
) -> None:
    await _fill(store)
    found = official.methods()
    made: dict[str, str] = {}

    for name, request in SERVED.items():

        def send(*args: str, method: Method = found[name], **named: object) -> object:
            return method(*(made.get(each, each) for each in args), **named)

        reply: Any = await official.run(partial(request, send))
        assert (reply is None) == (name == "responses.delete"), name
        if name == "beta.assistants.create":
            made[ASSISTANT] = reply.id
    assert official.statuses == [200] * len(SERVED)


async def _fill(store: Store) -> None:
    message = ImportedMessage(id="msg_1", role="user", content="Hello", created_at=1)
    thread = ImportedThread(key="t", id="thread_1", created_at=1, messages=[message])
    assert (await store.import_thread(thread)).kind == "imported"
    items = [ImportedItem(MESSAGE | {"id": "msg_9"})]
    conversation = ImportedConversation(key="c", id="conv_1", created_at=1, items=items)
    assert (await store.import_conversation(conversation)).kind == "imported"
    answer = {"role": "assistant", "content": "Hi", "refusal": None}
    completion = ImportedCompletion(
        key="k",
        id="chatcmpl-1",
        created_at=1,
        model="m",
        choices=[{"index": 0, "finish_reason": "stop", "logprobs": None, "message": answer}],
        messages=[],  # the type of a completion's message has no role but `assistant`
    )
    assert (await store.import_completion(completion)).kind == "imported"
    response = ImportedResponse(
        key="r",
        id="resp_1",
        created_at=1,
        input=[MESSAGE | {"id": "msg_3"}],
        output=[OUTPUT | {"id": "msg_4"}],
        fields={"model": "m"},
    )
    assert (await store.import_response(response)).kind == "imported"
