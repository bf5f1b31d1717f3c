"""What the URL of a request asks for less of: toolsets, writing, the size of results."""

from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from backscroll.http.refusals import RefusedError
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError, parsed

PARAMETERS: Final = ("toolsets", "read_only", "result_chars")

_FIELDS: Final = {item.name: item for item in fields(Settings) if item.name in PARAMETERS}
_MOST: Final = 2048


def narrowed(settings: Settings, query: bytes) -> Settings:
    """Return the settings with what a URL asks for, and never more than they allowed.

    Args:
        settings: what the operator allows.
        query: the URL's, of 2,048 bytes at most.

    Raises:
        RefusedError: 400 for a parameter that is unknown, given twice or breaks its rule, or for
            toolsets of which none is allowed.
    """
    if not query:
        return settings
    wanted = _wanted(query)
    toolsets = allowed_toolsets(settings.toolsets, wanted.get("toolsets"))
    if not toolsets:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "toolsets names none that this server offers.")
    return replace(
        settings,
        toolsets=toolsets,
        read_only=settings.read_only or wanted.get("read_only", False),
        result_chars=min(settings.result_chars, wanted.get("result_chars", settings.result_chars)),
    )


def allowed_toolsets(allowed: tuple[str, ...], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the toolsets that are both allowed and wanted; `all` stands for every one."""
    if wanted is None or "all" in wanted:
        return allowed
    if "all" in allowed:
        return wanted
    return tuple(toolset for toolset in allowed if toolset in wanted)


def _wanted(query: bytes) -> dict[str, Any]:
    try:
        if len(query) > _MOST:
            raise ValueError  # noqa: TRY301 - one sentence for all that cannot be read
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The query of the URL cannot be read.") from None
    wanted: dict[str, Any] = {}
    for name, text in pairs:
        if name not in _FIELDS:
            known = ", ".join(PARAMETERS)
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, f"The URL has a parameter that is unknown; known: {known}."
            )
        if name in wanted:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The URL has the parameter {name} twice.")
        try:
            wanted[name] = cast("Any", parsed(name, text, _FIELDS[name]))
        except SettingsError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None
    return wanted
