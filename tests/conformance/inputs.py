"""Requests of tools to the client: during a call (2025-11-25), or in rounds (2026-07-28)."""

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from mcp.types import (
    CallToolResult,
    ClientCapabilities,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    InputResponse,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
)

from tests.conformance.content import JSON, said, text

Responses: TypeAlias = Mapping[str, InputResponse]
Answer: TypeAlias = CallToolResult | InputRequiredResult


def ask(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """Return a request to the client's user to fill in one field."""
    return form(message, {field: {"type": kind}}, required=[field])


def form(message: str, fields: JSON, **more: object) -> ElicitRequest:
    """Return a request to the client's user to fill in some fields, each with its schema."""
    schema = {"type": "object", "properties": fields, **more}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def asked(answer: InputResponse, field: str) -> str:
    """Return the field of an answer."""
    filled = isinstance(answer, ElicitResult) and answer.content
    return str(filled.get(field, "?")) if filled else "?"


def sample(words: str) -> CreateMessageRequest:
    """Return a request to the client's model."""
    messages = [SamplingMessage(role="user", content=text(words))]
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=messages, max_tokens=100)
    )


def _required(state: str | None = None, /, **requests: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _elicitation(got: Responses, _: str | None) -> Answer:
    if "user_name" in got:
        return said(f"Hello, {asked(got['user_name'], 'name')}!")
    return _required(user_name=ask("What is your name?", "name"))


def _sampling(got: Responses, _: str | None) -> Answer:
    match got.get("capital_question"):
        case CreateMessageResult(content=content):
            return said(f"Model said: {getattr(content, 'text', '?')}")
        case _:
            return _required(capital_question=sample("What is the capital of France?"))


def _list_roots(got: Responses, _: str | None) -> Answer:
    match got.get("client_roots"):
        case ListRootsResult(roots=roots):
            return said(f"Client exposed {len(roots)} root(s).")
        case _:
            return _required(client_roots=ListRootsRequest())


def _request_state(got: Responses, state: str | None) -> Answer:
    if "confirm" in got and state == "nonce":
        return said("state-ok: confirmation received")
    return _required("nonce", confirm=ask("Please confirm", "ok", "boolean"))


def _multiple_inputs(got: Responses, _: str | None) -> Answer:
    if {"user_name", "greeting", "client_roots"} <= got.keys():
        return said("All inputs received.")
    return _required(
        "multiple-inputs",
        user_name=ask("What is your name?", "name"),
        greeting=sample("Generate a greeting"),
        client_roots=ListRootsRequest(),
    )


def _multi_round(got: Responses, state: str | None) -> Answer:
    known = json.loads(state) if state else {"round": 0}
    if known["round"] == 1 and "step1" in got:
        done = {"round": 2, "name": asked(got["step1"], "name")}
        question = ask("Step 2: What is your favorite color?", "color")
        return _required(json.dumps(done), step2=question)
    if known["round"] == 2 and "step2" in got:
        return said(f"{known['name']} likes {asked(got['step2'], 'color')}.")
    question = ask("Step 1: What is your name?", "name")
    return _required(json.dumps({"round": 1}), step1=question)


def _tampered_state(_: Responses, state: str | None) -> Answer:
    if state is None:
        return _required("round-1", confirm=ask("Please confirm", "ok", "boolean"))
    return said(f"state-ok: {state}")


ROUNDS: Final[Mapping[str, Callable[[Responses, str | None], Answer]]] = {
    "test_input_required_result_elicitation": _elicitation,
    "test_input_required_result_sampling": _sampling,
    "test_input_required_result_list_roots": _list_roots,
    "test_input_required_result_request_state": _request_state,
    "test_input_required_result_multiple_inputs": _multiple_inputs,
    "test_input_required_result_multi_round": _multi_round,
    "test_input_required_result_tampered_state": _tampered_state,
}
"""By tool, the next step, given the client's responses so far and the state it sent back."""


def within(capabilities: ClientCapabilities | None) -> InputRequiredResult:
    """Ask only for what the client has declared as a capability."""
    requests: dict[str, InputRequest] = {}
    if capabilities is None or capabilities.sampling is not None:
        requests["sample"] = sample("Say hello")
    if capabilities is None or capabilities.elicitation is not None:
        requests["ask"] = ask("What is your name?", "name")
    return _required("capability-gated", **requests)
