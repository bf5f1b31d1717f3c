"""The official client, unchanged, over a real socket."""

# mypy: disable-error-code="deprecated"
# The client marks all of `beta.threads` so; being served what it deprecates is what it is for here.

import openai
import pytest
from openai.types.beta.threads import Message
from openai.types.chat.chat_completion_content_part_text import ChatCompletionContentPartText

from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedCompletion, ImportedMessage, ImportedThread

pytestmark = pytest.mark.filterwarnings(
    # The client marks all of `beta.threads`; OpenAI itself no longer serves it.
    "ignore:The Assistants API is deprecated:DeprecationWarning"
)


def _text(message: Message) -> str:
    part = message.content[0]
    assert part.type == "text"
    return part.text.value


async def _thread_of(client: openai.AsyncOpenAI, texts: list[str]) -> str:
    thread = await client.beta.threads.create(
        messages=[{"role": "user", "content": text} for text in texts]
    )
    return thread.id


async def test_a_thread_is_created_retrieved_updated_and_deleted(
    client: openai.AsyncOpenAI,
) -> None:
    thread = await client.beta.threads.create(metadata={"a": "1"})
    assert thread.id.startswith("thread_")
    assert await client.beta.threads.retrieve(thread.id) == thread
    changed = await client.beta.threads.update(
        thread.id,
        metadata={"b": "2"},
        tool_resources={"code_interpreter": {"file_ids": ["file-1"]}},
    )
    assert changed.metadata == {"b": "2"}
    assert changed.tool_resources is not None
    assert changed.tool_resources.code_interpreter is not None
    assert changed.tool_resources.code_interpreter.file_ids == ["file-1"]
    deleted = await client.beta.threads.delete(thread.id)
    assert deleted.model_dump() == {"id": thread.id, "deleted": True, "object": "thread.deleted"}
    with pytest.raises(openai.NotFoundError):
        await client.beta.threads.retrieve(thread.id)


async def test_a_message_is_created_retrieved_updated_and_deleted(
    client: openai.AsyncOpenAI,
) -> None:
    thread_id = await _thread_of(client, [])
    messages = client.beta.threads.messages
    message = await messages.create(
        thread_id,
        role="assistant",
        content="hello",
        attachments=[{"file_id": "file-1", "tools": [{"type": "file_search"}]}],
        metadata={"a": "1"},
    )
    assert _text(message) == "hello"
    assert (message.status, message.role, message.thread_id) == (
        "completed",
        "assistant",
        thread_id,
    )
    assert message.attachments is not None
    assert message.attachments[0].file_id == "file-1"
    assert await messages.retrieve(message.id, thread_id=thread_id) == message
    changed = await messages.update(message.id, thread_id=thread_id, metadata={"b": "2"})
    assert changed == message.model_copy(update={"metadata": {"b": "2"}})
    deleted = await messages.delete(message.id, thread_id=thread_id)
    assert deleted.model_dump() == {
        "id": message.id,
        "deleted": True,
        "object": "thread.message.deleted",
    }
    with pytest.raises(openai.NotFoundError, match=f"No message found with id '{message.id}'"):
        await messages.retrieve(message.id, thread_id=thread_id)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_auto_paging_yields_every_message_once_in_order(
    client: openai.AsyncOpenAI, order: str
) -> None:
    expected = [str(number) for number in range(17)]
    thread_id = await _thread_of(client, expected)
    listed = client.beta.threads.messages.list(
        thread_id, limit=5, order="asc" if order == "asc" else "desc"
    )
    found = [_text(message) async for message in listed]
    assert found == (expected if order == "asc" else expected[::-1])


async def test_a_list_is_newest_first_and_goes_on_after_or_before_a_message(
    client: openai.AsyncOpenAI,
) -> None:
    thread_id = await _thread_of(client, ["0", "1", "2", "3", "4"])
    messages = client.beta.threads.messages
    whole = await messages.list(thread_id)
    assert [_text(message) for message in whole.data] == ["4", "3", "2", "1", "0"]
    assert whole.has_more is False
    middle = whole.data[2].id
    after = await messages.list(thread_id, after=middle, limit=1)
    assert ([_text(message) for message in after.data], after.has_more) == (["1"], True)
    before = await messages.list(thread_id, before=middle, limit=1)
    assert ([_text(message) for message in before.data], before.has_more) == (["3"], True)


async def test_a_list_is_filtered_by_run(client: openai.AsyncOpenAI, store: Store) -> None:
    runs = ["run_a", "run_b", "run_a", None]
    await store.import_thread(
        ImportedThread(
            key="k",
            id="thread_runs",
            created_at=1,
            messages=[
                ImportedMessage(role="assistant", content=str(at), created_at=1, run_id=run)
                for at, run in enumerate(runs)
            ],
        )
    )
    listed = client.beta.threads.messages.list("thread_runs", run_id="run_a", limit=1, order="asc")
    assert [(_text(message), message.run_id) async for message in listed] == [
        ("0", "run_a"),
        ("2", "run_a"),
    ]


async def test_parts_come_back_as_they_went_in(client: openai.AsyncOpenAI) -> None:
    thread_id = await _thread_of(client, [])
    message = await client.beta.threads.messages.create(
        thread_id,
        role="user",
        content=[
            {"type": "text", "text": "look"},
            {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "high"}},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        ],
    )
    assert [part.model_dump() for part in message.content] == [
        {"type": "text", "text": {"value": "look", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "high"}},
        {
            "type": "image_url",
            "image_url": {"url": "https://example.org/a.png", "detail": "auto"},
        },
    ]


@pytest.fixture
async def completions(store: Store) -> list[str]:
    """Five stored completions, of two models."""
    for number in range(5):
        await store.import_completion(
            ImportedCompletion(
                key=str(number),
                id=f"chatcmpl-{number}",
                created_at=number,
                model=f"model-{number % 2}",
                metadata={"parity": str(number % 2), "number": str(number)},
                choices=[
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": f"answer {number}"},
                    }
                ],
                messages=[
                    {"role": "developer", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": f"ask {number}"}]},
                ],
                fields={"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
            )
        )
    return [f"chatcmpl-{number}" for number in range(5)]


async def test_stored_completions_are_listed_filtered_and_paged(
    client: openai.AsyncOpenAI, completions: list[str]
) -> None:
    stored = client.chat.completions
    assert [each.id async for each in stored.list(limit=2)] == completions
    assert [each.id async for each in stored.list(limit=2, order="desc")] == completions[::-1]
    assert [each.id async for each in stored.list(model="model-1", limit=1)] == [
        completions[1],
        completions[3],
    ]
    both = stored.list(metadata={"parity": "0", "number": "4"})
    assert [each.id async for each in both] == [completions[4]]
    assert [each.id async for each in stored.list(after=completions[3])] == [completions[4]]


async def test_a_stored_completion_is_retrieved_updated_and_deleted(
    client: openai.AsyncOpenAI, completions: list[str]
) -> None:
    stored = client.chat.completions
    found = await stored.retrieve(completions[0])
    assert (found.object, found.created, found.model) == ("chat.completion", 0, "model-0")
    assert found.choices[0].message.content == "answer 0"
    assert found.usage is not None
    assert found.usage.total_tokens == 3
    changed = await stored.update(completions[0], metadata={"parity": "odd"})
    assert changed == found.model_copy(update={"metadata": {"parity": "odd"}})
    assert [each.id async for each in stored.list(metadata={"parity": "odd"})] == [completions[0]]
    deleted = await stored.delete(completions[0])
    assert deleted.model_dump() == {
        "id": completions[0],
        "deleted": True,
        "object": "chat.completion.deleted",
    }
    with pytest.raises(openai.NotFoundError):
        await stored.retrieve(completions[0])
    assert [each.id async for each in stored.list(after=completions[0])] == completions[1:]


async def test_a_completion_s_messages_are_its_input_and_then_its_answer(
    client: openai.AsyncOpenAI, completions: list[str]
) -> None:
    listed = client.chat.completions.messages.list(completions[2], limit=1)
    found = [
        (message.id, message.role, message.content, message.content_parts)
        async for message in listed
    ]
    text = ChatCompletionContentPartText(type="text", text="ask 2")
    assert found == [
        ("chatcmpl-2-0", "developer", "Be brief.", None),
        ("chatcmpl-2-1", "user", None, [text]),
        ("chatcmpl-2-2", "assistant", "answer 2", None),
    ]
    newest = client.chat.completions.messages.list(completions[2], order="desc", limit=2)
    assert [message.id async for message in newest] == [
        "chatcmpl-2-2",
        "chatcmpl-2-1",
        "chatcmpl-2-0",
    ]


async def test_creating_a_completion_is_refused_for_want_of_a_model(
    client: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "hi"}], store=True
        )
    assert caught.value.status_code == 501
    assert caught.value.code == "model_not_configured"
