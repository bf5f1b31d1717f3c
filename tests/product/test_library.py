"""docs/library.md and docs/extending.md: programs that run as they are printed."""

import importlib.util
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import agents
import httpx2
import jsonschema
import pytest
from agents.items import ModelResponse as AgentsResponse
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from backscroll_tools.arguments import validated
from backscroll_tools.client import requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import PROFILES, Upstream
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Call, Tool
from manifests.examples import DOCUMENTS, SHOWN
from tests.loopback import NO_TLS
from tests.product import processes
from tests.product.test_openai_client import served_store

DOCS: Final = Path(__file__).parents[2] / "docs"
EXAMPLES: Final = sorted((DOCS / "examples").glob("*.py"))

WORDS: Final = "The meeting is on Thursday."


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Upstream]:
    """The embedded store, as `backscroll store` serves it."""
    environ = processes.variables(f"sqlite:///{tmp_path / 'store.db'}")
    async with served_store(environ) as address:
        yield Upstream(PROFILES["store"], address)


def example(name: str) -> ModuleType:
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def next_call(outputs: list[str]) -> tuple[str, dict[str, Any]] | None:
    """Return what an agent calls after these outputs, or nothing when it can answer."""
    if not outputs:
        return "list-threads", {}
    if len(outputs) == 1:
        found = re.search(r"thread_\w+", outputs[0])
        assert found, outputs
        return "list-messages", {"thread_id": found.group(), "limit": "ten"}
    if len(outputs) == 2:
        assert outputs[1].startswith("invalid_arguments: ")
        found = re.search(r"thread_\w+", outputs[0])
        assert found
        return "list-messages", {"thread_id": found.group(), "limit": 10}
    return None


async def written(store: Upstream) -> None:
    """Put a thread into the store, as the plain example does."""
    plain = example("plain")
    async with plain.Connections() as http:
        client = plain.Client(http, store)
        await plain.call(client, "create-message", role="user", content=WORDS)


def test_the_documents_show_the_examples_as_they_are() -> None:
    shown: dict[str, str] = {}
    for document in DOCUMENTS:
        shown |= dict(SHOWN.findall(document.read_text("utf-8")))

    assert shown == {path.name: path.read_text("utf-8") for path in EXAMPLES}


async def test_plain_asyncio_writes_and_reads_page_by_page(
    store: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    await example("plain").main(store)

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and not re.match("[A-Z]{2} ", line)] == [
        "Hi!",
        "Hello",
    ]


async def test_an_agent_of_pydantic_ai_finds_a_message_after_mending_a_call(
    store: Upstream,
) -> None:
    await written(store)
    offered: list[str] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered[:] = [tool.name for tool in info.function_tools]
        parts = [part for message in messages for part in message.parts]
        outputs = [str(part.content) for part in parts if isinstance(part, ToolReturnPart)]
        call = next_call(outputs)
        return ModelResponse([ToolCallPart(*call) if call else TextPart(outputs[-1])])

    ask = example("with_pydantic_ai").ask

    assert WORDS in await ask("When is the meeting?", FunctionModel(model), store)
    assert offered == [tool.name for tool in TOOLS]


class Scripted(agents.Model):
    """A model of the OpenAI Agents SDK that calls what `next_call` says, and then answers."""

    def __init__(self) -> None:
        self.offered: list[str] = []

    async def get_response(self, *args: Any, **kwargs: Any) -> AgentsResponse:  # noqa: ANN401 - as the SDK has it
        """Return the next call, or the answer."""
        _, asked, _, tools, *_ = (*args, *kwargs.values())
        self.offered = [tool.name for tool in tools]
        items = [item for item in asked if isinstance(item, dict)]
        outputs = [str(item["output"]) for item in items if "output" in item]
        call = next_call(outputs)
        if call:
            name, arguments = call
            output: Any = ResponseFunctionToolCall(
                arguments=json.dumps(arguments),
                call_id=f"call_{len(outputs)}",
                name=name,
                type="function_call",
            )
        else:
            text = ResponseOutputText(text=outputs[-1], type="output_text", annotations=[])
            output = ResponseOutputMessage(
                id="msg_1", content=[text], role="assistant", status="completed", type="message"
            )
        return AgentsResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the SDK has it
        """Refuse: the examples do not stream."""
        raise NotImplementedError


async def test_an_agent_of_the_openai_sdk_finds_a_message_after_mending_a_call(
    store: Upstream,
) -> None:
    agents.set_tracing_disabled(disabled=True)  # it would be sent to OpenAI
    await written(store)
    model = Scripted()

    ask = example("with_openai_agents").ask

    assert WORDS in await ask("When is the meeting?", model, store)
    assert model.offered == [tool.name for tool in TOOLS]


async def test_the_tool_of_the_document_reads_a_thread_as_its_schema_says(
    store: Upstream,
) -> None:
    tool: Tool = example("describe_thread").DESCRIBE_THREAD
    async with httpx2.AsyncClient(verify=NO_TLS) as http:
        client = Client(http, store)
        made = await CallClient(client).send(requests.start_thread())

        result = await tool.run(Call.begin(client), validated(tool, {"thread_id": made["id"]}))

    jsonschema.validate(result.structured, dict(tool.output_schema))
    assert result.structured["thread"]["id"] == made["id"]
    assert re.match(rf"[A-Z]{{2}} thread {made['id']} \d{{4}}-", result.text)
