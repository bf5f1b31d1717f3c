"""Code that all endpoints share: it writes JSON replies and reads request headers."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pydantic_core import to_json

from backscroll.database.json_text import dump_json
from backscroll.store.api_errors import ApiError

if TYPE_CHECKING:  # commands that import conversations without endpoints start faster without it
    from starlette.requests import Request
    from starlette.responses import Response

JSON: TypeAlias = dict[str, Any]
ApiVersion = Literal["v1", "v2"]

_PARTITION: Final = re.compile(r"[A-Za-z0-9_.=-]{1,128}")


def reply(value: Mapping[str, object], status: int = HTTPStatus.OK) -> "Response":
    """Return a JSON response."""
    from starlette.responses import Response

    try:
        body = to_json(value)
    except ValueError:  # the value is nested too deeply for `to_json`
        body = dump_json(value).encode()
    return Response(body, status, media_type="application/json")


def list_envelope(data: Sequence[JSON], *, has_more: bool) -> JSON:
    """Return a page in OpenAI's list format. `first_id` and `last_id` of an empty page are null."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def list_reply(data: Sequence[JSON], *, has_more: bool) -> "Response":
    """Return a page as a response in OpenAI's list format."""
    return reply(list_envelope(data, has_more=has_more))


def error_envelope(error: ApiError) -> JSON:
    """Return an error as an object in OpenAI's error format."""
    fields = {
        "message": error.message,
        "type": error.kind,
        "param": error.param,
        "code": error.code,
    }
    return {"error": fields}


def error_reply(error: ApiError) -> "Response":
    """Return an error as a response in OpenAI's error format."""
    response = reply(error_envelope(error), error.status)
    response.headers.update(error.headers or {})
    return response


def api_version(request: "Request") -> ApiVersion:
    """Return the API version in the `OpenAI-Beta` header, which all endpoints of threads require.

    Raises:
        ApiError: 400 `invalid_beta` if the header is missing or invalid.
    """
    for value in request.headers.get("openai-beta", "").split(","):
        if value.strip() == "assistants=v2":
            return "v2"
        if value.strip() == "assistants=v1":
            return "v1"
    message = (
        "You must provide the 'OpenAI-Beta' header to access the Assistants API. "
        "Please try again by setting the header 'OpenAI-Beta: assistants=v2'."
    )
    raise ApiError(HTTPStatus.BAD_REQUEST, message, code="invalid_beta")


def partition_of(request: "Request") -> str:
    """Return the partition in the `OpenAI-Project` header, or `""` if the header is missing.

    A request can access only the objects of its partition.

    Raises:
        ApiError: 400 for an invalid name or a repeated header.
    """
    given = request.headers.getlist("openai-project")
    if not given:
        return ""
    if len(given) > 1 or not is_partition(given[0]):
        message = "Invalid 'OpenAI-Project': expected 1 to 128 letters, digits and _ . = -."
        raise ApiError(
            HTTPStatus.BAD_REQUEST, message, param="OpenAI-Project", code="invalid_project"
        )
    return given[0]


def turn_of(request: "Request") -> str:
    """Return the `turn` argument of the call of `Database.write` that handles a request.

    The argument names the object that the request changes, such as a thread. If the request creates
    an object, the argument names the list to which the new one is added.
    """
    owner = next(iter(request.path_params.values()), request.scope["path"])
    return f"{partition_of(request)} {owner}"


def is_partition(name: str) -> bool:
    """Return whether `name` is a valid partition: 1-128 letters, digits and `_ . = -`."""
    return _PARTITION.fullmatch(name) is not None
