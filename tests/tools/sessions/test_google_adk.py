"""The session service of Google's Agent Development Kit, with the kit itself and a real store."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from google.adk.agents import LlmAgent
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService, Session
from google.adk.sessions.base_session_service import BaseSessionService, GetSessionConfig
from google.genai import types

from backscroll_tools.sessions.google_adk import BackscrollSessionService
from tests.tools.opened import opened
from tests.tools.sessions.stage import Stage, at_once

ANN: dict[str, Any] = {"app_name": "app", "user_id": "ann"}
STATE = {"own": 1, "app:theme": "dark", "user:name": "Ann", "temp:x": 1}


def event(text: object, number: float = 0, **changes: Any) -> Event:  # noqa: ANN401 - JSON
    return Event(
        author="user",
        invocation_id="i",
        timestamp=2_000_000_000.0 + number,
        content=types.Content(role="user", parts=[types.Part(text=str(text))]),
        actions=EventActions(state_delta=changes),
    )


MIXED = [
    event("What is this?"),
    Event(
        author="agent",
        timestamp=2_000_000_001.5,
        content=types.Content(
            role="model",
            parts=[
                types.Part(text="Hmm", thought=True),
                types.Part(text="Let me see."),
                types.Part(inline_data=types.Blob(data=b"\x00\xff", mime_type="image/png")),
                types.Part(
                    function_call=types.FunctionCall(id="call_1", name="look", args={"at": 1})
                ),
            ],
        ),
        long_running_tool_ids={"call_1"},
        branch="a.b",
    ),
    Event(
        author="agent",
        timestamp=2_000_000_002.0,
        content=types.Content(
            role="user",
            parts=[
                types.Part(
                    function_response=types.FunctionResponse(
                        id="call_1", name="look", response={"result": "a cat"}
                    )
                )
            ],
        ),
        actions=EventActions(artifact_delta={"a.png": 1}, transfer_to_agent="b"),
    ),
    Event(author="agent", timestamp=2_000_000_003.0, error_code="OTHER", turn_complete=True),
]


def texts(events: Sequence[Event]) -> list[str]:
    return [str(each.content.parts[0].text) for each in events if each.content]


async def read(service: BaseSessionService, session_id: str = "chat", **limits: Any) -> Session:  # noqa: ANN401 - the kit's
    found = await service.get_session(
        **ANN, session_id=session_id, config=GetSessionConfig(**limits)
    )
    assert found is not None
    return found


async def test_events_come_back_as_they_were_appended(stage: Stage) -> None:
    service = BackscrollSessionService(stage.client)
    session = await service.create_session(**ANN, session_id=" chat ")
    for each in MIXED:
        assert await service.append_event(session, each.model_copy(deep=True)) == each

    stored = await read(BackscrollSessionService(stage.other))

    assert stored.events == session.events == MIXED
    assert stored == session
    assert await service.get_session(**ANN, session_id="another") is None


async def test_every_tool_reads_them(stage: Stage) -> None:
    service = BackscrollSessionService(stage.client)
    session = await service.create_session(**ANN, session_id="chat")
    for each in MIXED:
        await service.append_event(session, each)

    assert await stage.shown() == [
        ("user", "What is this?"),
        ("assistant", "Let me see."),
        ("assistant", '{"at":1}'),
        ("tool", '{"result":"a cat"}'),
    ]
    assert await stage.found("see") == ["Let me **see**."]


async def test_state_is_what_the_kit_s_own_service_makes_of_it(stage: Stage) -> None:
    states = []
    for service in (BackscrollSessionService(stage.client), InMemorySessionService()):
        session = await service.create_session(**ANN, session_id="chat", state=STATE)
        seen = [dict(session.state)]
        for changes in ({"own": 2, "user:age": 7}, {"app:theme": None, "temp:y": 2, "new": [1]}):
            await service.append_event(session, event("", 0, **changes))
            seen += [dict(session.state), (await read(service)).state]
        another = await service.create_session(**ANN)
        ben = await service.create_session(app_name="app", user_id="ben")
        foreign = await service.create_session(app_name="other", user_id="ann")
        user = await service.get_user_state(**ANN)
        states.append([*seen, another.state, ben.state, foreign.state, user])

    assert states[0] == states[1]


async def test_state_that_was_replaced_is_erased(stage: Stage) -> None:
    service = BackscrollSessionService(stage.client)
    session = await service.create_session(**ANN, session_id="chat")
    for number in range(5):
        await service.append_event(session, event("", number, **{"user:secret": number}))

    listed = await stage.tool("list-threads", limit=100)
    ids = [each["id"] for each in listed["threads"]]
    stored = [await stage.items(each) for each in ids]
    assert [[item["values"] for item in items if "values" in item] for items in stored] in (
        [[{"secret": 4}], []],
        [[], [{"secret": 4}]],
    )


async def test_an_event_is_appended_once_however_often_it_is_delivered(stage: Stage) -> None:
    service, elsewhere = (BackscrollSessionService(each) for each in (stage.client, stage.other))
    session = await service.create_session(**ANN, session_id="chat")
    change = event("a", 0, **{"user:n": 1})

    await stage.despite_lost_replies(lambda: service.append_event(session, change))
    await service.append_event(session, change)
    await elsewhere.append_event(await read(elsewhere), change.model_copy(deep=True))
    similar = event("b").model_copy(update={"id": change.id})
    await stage.with_every_second_reply_lost(lambda: service.append_event(session, similar))

    assert session.events == [change, similar]
    assert (await read(elsewhere)).events == [change, similar]


async def test_a_partial_event_is_not_kept(stage: Stage) -> None:
    service = BackscrollSessionService(stage.client)
    session = await service.create_session(**ANN, session_id="chat")
    partial = event("a").model_copy(update={"partial": True})

    assert await service.append_event(session, partial) is partial
    assert (session.events, (await read(service)).events) == ([], [])


LIMITS: list[tuple[dict[str, Any], Sequence[int]]] = [
    ({}, range(250)),
    ({"num_recent_events": 2}, (248, 249)),
    ({"num_recent_events": 0}, ()),
    ({"num_recent_events": 999}, range(250)),
    ({"after_timestamp": 2_000_000_240.0}, range(240, 250)),
    ({"num_recent_events": 5, "after_timestamp": 2_000_000_248.5}, (249,)),
    ({"after_timestamp": 3_000_000_000.0}, ()),
]


async def test_250_events_are_read_as_far_as_the_configuration_says() -> None:
    async with opened() as store:
        service = BackscrollSessionService(store.client)
        session = await service.create_session(**ANN, session_id="chat", state={"a": 1})
        for each in range(250):
            await service.append_event(session, event(each, each))

        for limits, expected in LIMITS:
            found = await read(service, **limits)
            assert (texts(found.events), found.state) == ([*map(str, expected)], {"a": 1})


async def test_two_programs_that_append_to_one_session_lose_nothing(stage: Stage) -> None:
    services = [BackscrollSessionService(client) for client in (stage.client, stage.other)]
    await services[0].create_session(**ANN, session_id="chat")
    sessions = [await read(service) for service in services]

    async def append(number: int) -> None:
        for each in range(10):
            change = event(f"{number} {each}", each, **{f"user:{number} {each}": each})
            await services[number].append_event(sessions[number], change)

    await at_once(append(0), append(1))

    stored = await read(services[0])
    expected = [f"{number} {each}" for number in range(2) for each in range(10)]
    assert sorted(texts(stored.events)) == expected
    for number in range(2):
        own = [text for text in texts(stored.events) if text.startswith(f"{number}")]
        assert own == [f"{number} {each}" for each in range(10)]
    assert sorted(stored.state) == [f"user:{text}" for text in expected]


async def test_an_id_is_given_to_one_session_alone(stage: Stage) -> None:
    services = [BackscrollSessionService(client) for client in (stage.client, stage.other)]
    outcomes: list[Session | None] = []

    async def create(service: BackscrollSessionService) -> None:
        try:
            outcomes.append(await service.create_session(**ANN, session_id="chat"))
        except AlreadyExistsError:
            outcomes.append(None)

    await at_once(*(create(service) for service in services for _ in "123"))

    assert sorted(outcome is None for outcome in outcomes) == [False, *[True] * 5]
    assert len((await services[0].list_sessions(app_name="app")).sessions) == 1
    ben = await services[0].create_session(app_name="app", user_id="ben", session_id="chat")
    assert (ben.user_id, ben.events) == ("ben", [])


async def test_sessions_are_listed_by_user_and_deleted(stage: Stage) -> None:
    service, elsewhere = (BackscrollSessionService(each) for each in (stage.client, stage.other))
    for user in ("ann", "ben"):
        for name in ("a", "b"):
            await service.create_session(
                app_name="app", user_id=user, session_id=name, state={"user:x": 1}
            )
    await service.create_session(app_name="other", user_id="ann", session_id="c")

    async def listed(**whose: str) -> list[tuple[str, str]]:
        found = await elsewhere.list_sessions(app_name="app", **whose)
        assert all(not each.events and not each.state for each in found.sessions)
        return sorted((each.user_id, each.id) for each in found.sessions)

    assert await listed(user_id="ann") == [("ann", "a"), ("ann", "b")]
    assert await listed() == [("ann", "a"), ("ann", "b"), ("ben", "a"), ("ben", "b")]
    session = await read(elsewhere, "a")
    await service.delete_session(**ANN, session_id="a")
    await service.delete_session(**ANN, session_id="never")
    assert await listed(user_id="ann") == [("ann", "b")]
    assert await service.get_session(**ANN, session_id="a") is None
    with pytest.raises(SessionNotFoundError):
        await elsewhere.append_event(session, event("late"))
    assert await service.get_user_state(**ANN) == {"x": 1}


class Scripted(BaseLlm):
    """A model that calls a tool, and then answers with the number of messages that it was sent."""

    async def generate_content_async(
        self,
        llm_request: LlmRequest,
        stream: bool = False,  # noqa: ARG002, FBT002 - as the kit has it
    ) -> AsyncIterator[LlmResponse]:
        sent = llm_request.contents
        part = types.Part(text=f"{len(sent)} messages")
        if not sent[-1].parts[0].function_response:
            part = types.Part(function_call=types.FunctionCall(name="clock", args={}))
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


async def test_an_agent_remembers_earlier_runs(stage: Stage) -> None:
    def clock() -> str:
        """Return the time."""
        return "noon"

    answers = []
    for question, client in (("One", stage.client), ("Two", stage.other)):
        service = BackscrollSessionService(client)
        if question == "One":
            await service.create_session(**ANN, session_id="chat")
        agent = LlmAgent(name="keeper", model=Scripted(model="x"), tools=[clock])
        runner = Runner(app_name="app", agent=agent, session_service=service)
        asked = types.Content(role="user", parts=[types.Part(text=question)])
        async for each in runner.run_async(user_id="ann", session_id="chat", new_message=asked):
            answers += texts([each]) if each.is_final_response() else []
        await runner.close()

    assert answers == ["3 messages", "7 messages"]
    assert await stage.shown() == [
        ("user", "One"),
        ("assistant", "{}"),
        ("tool", '{"result":"noon"}'),
        ("assistant", "3 messages"),
        ("user", "Two"),
        ("assistant", "{}"),
        ("tool", '{"result":"noon"}'),
        ("assistant", "7 messages"),
    ]
