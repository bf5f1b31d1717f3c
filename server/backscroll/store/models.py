"""Endpoints of models. The store has no models, so its list of models is empty.

Many clients request the list, to check a base URL and to offer the listed models to the user.
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from backscroll.store.api_errors import ApiError
from backscroll.store.envelopes import reply


async def list_models(_request: Request) -> Response:
    """Return an empty list, in the format of OpenAI's list of models: without fields for pages."""
    return reply({"object": "list", "data": []})


async def no_such_model(request: Request) -> Response:
    """Reply 404, because no model exists. A model's name may contain slashes."""
    name = request.path_params["model"]
    message = f"The model '{name}' does not exist: this store has no model."
    raise ApiError(HTTPStatus.NOT_FOUND, message, param="model", code="model_not_found")
