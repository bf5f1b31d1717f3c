"""Reads the query parameters of `/mcp`, which can restrict the settings for a request."""

from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from backscroll.http.refusals import RefusedError
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError, parsed

PARAMETERS: Final = ("toolsets", "read_only", "result_chars")

_FIELDS: Final = {item.name: item for item in fields(Settings) if item.name in PARAMETERS}
_QUERY_BYTES: Final = 2048


def narrowed(settings: Settings, query: bytes) -> Settings:
    """Return the settings, restricted by the query of a URL. A URL cannot extend permissions.

    Args:
        settings: the operator's settings.
        query: the query of the URL, at most 2,048 bytes.

    Raises:
        RefusedError: 400 if a parameter is unknown, is given twice or is not valid, or if the
            settings allow none of the toolsets in the URL.
    """
    if not query:
        return settings
    wanted = _wanted(query)
    toolsets = allowed_toolsets(settings.toolsets, wanted.get("toolsets"))
    if not toolsets:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "This server offers none of the toolsets in the URL."
        )
    return replace(
        settings,
        toolsets=toolsets,
        read_only=settings.read_only or wanted.get("read_only", False),
        result_chars=min(settings.result_chars, wanted.get("result_chars", settings.result_chars)),
    )


def allowed_toolsets(allowed: tuple[str, ...], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the toolsets that are both allowed and wanted. `all` stands for every toolset."""
    if wanted is None or "all" in wanted:
        return allowed
    if "all" in allowed:
        return wanted
    return tuple(toolset for toolset in allowed if toolset in wanted)


def _wanted(query: bytes) -> dict[str, Any]:
    try:
        if len(query) > _QUERY_BYTES:
            raise ValueError  # noqa: TRY301 - handled below, like the errors of `parse_qsl`
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "The query of the URL cannot be parsed."
        ) from None
    wanted: dict[str, Any] = {}
    for name, text in pairs:
        if name not in _FIELDS:
            known = ", ".join(PARAMETERS)
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                f"The URL has an unknown parameter. The parameters are: {known}.",
            )
        if name in wanted:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The URL has the parameter {name} twice.")
        try:
            wanted[name] = cast("Any", parsed(name, text, _FIELDS[name]))
        except SettingsError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None
    return wanted
