"""Validates request bodies, and converts pydantic's errors into those of OpenAI's API."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backscroll.store.api_errors import ApiError, invalid_value, not_served

_SHOWN: Final = 64
_NAMES: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    type(None): "null",
}
_EXPECTED: Final = {
    "string_type": "a string",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
}

BodyT = TypeVar("BodyT", bound=BaseModel)


def validate(model: type[BodyT], body: dict[str, Any]) -> BodyT:
    """Return `body` as an instance of `model`.

    Raises:
        ApiError: 400 with OpenAI's `param` and `code`, for the first violation; 501 if the first
            violation is a field that asks for something that the store does not serve.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _wire_error(error.errors(include_url=False)[0]) from None


def _wire_error(error: ErrorDetails) -> ApiError:
    param = _param(error["loc"])
    kind = error["type"]
    if kind.startswith("union_tag"):
        param += ".type"
    if kind == "not_served":
        return not_served(error["msg"], param=param)
    if kind in _EXPECTED:
        got = _NAMES.get(type(error["input"]), "another type")
        message = f"Invalid type for '{param}': expected {_EXPECTED[kind]}, but got {got} instead."
        return invalid_value(param, message, code="invalid_type")
    if kind in _RULES:
        code, sentence = _RULES[kind](param, error)
        return invalid_value(param, sentence, code=code)
    return invalid_value(param, f"Invalid '{param}': {error['msg']}.")


def _param(loc: tuple[int | str, ...]) -> str:
    name = ""
    for step in loc:
        if isinstance(step, int):
            name += f"[{step}]"
        elif not step.startswith(("<", "[")):
            name += f".{_shorten(step)}" if name else _shorten(step)
    return name


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _missing(param: str, _error: ErrorDetails) -> tuple[str, str]:
    return "missing_required_parameter", f"Missing required parameter: '{param}'."


def _tag_unknown(_param: str, error: ErrorDetails) -> tuple[str, str]:
    expected = error["ctx"]["expected_tags"].replace("<", "").replace(">", "")
    shown = _shorten(error["ctx"]["tag"][1:-1])
    return "invalid_value", f"Invalid value: '{shown}'. Supported values are: {expected}."


def _unknown(param: str, _error: ErrorDetails) -> tuple[str, str]:
    return "unknown_parameter", f"Unknown parameter: '{param}'."


def _unsupported(param: str, error: ErrorDetails) -> tuple[str, str]:
    given = error["input"]
    if not isinstance(given, str):
        got = _NAMES.get(type(given), "another type")
        return (
            "invalid_type",
            (
                f"Invalid type for '{param}': expected one of {error['ctx']['expected']}, "
                f"but got {got} instead."
            ),
        )
    expected = error["ctx"]["expected"]
    return (
        "invalid_value",
        f"Invalid value: '{_shorten(given)}'. Supported values are: {expected}.",
    )


def _string_above(param: str, error: ErrorDetails) -> tuple[str, str]:
    return (
        "string_above_max_length",
        (
            f"Invalid '{param}': string too long. Expected a string with maximum length "
            f"{error['ctx']['max_length']}, but got a string with length {len(error['input'])} "
            "instead."
        ),
    )


def _text_above(param: str, error: ErrorDetails) -> tuple[str, str]:
    return "string_above_max_length", f"Invalid '{param}': {error['msg']}."


def _string_empty(param: str, _error: ErrorDetails) -> tuple[str, str]:
    return (
        "empty_string",
        (
            f"Invalid '{param}': empty string. Expected a string with minimum length 1, "
            "but got an empty string instead."
        ),
    )


def _above(param: str, error: ErrorDetails) -> tuple[str, str]:
    most, got = error["ctx"]["max_length"], len(error["input"])
    if isinstance(error["input"], dict):
        return (
            "object_above_max_properties",
            (
                f"Invalid '{param}': too many properties. Expected an object with at most {most} "
                f"properties, but got an object with {got} properties instead."
            ),
        )
    return (
        "array_above_max_length",
        (
            f"Invalid '{param}': array too long. Expected an array with maximum length {most}, "
            f"but got an array with length {got} instead."
        ),
    )


def _array_empty(param: str, _error: ErrorDetails) -> tuple[str, str]:
    return (
        "empty_array",
        (
            f"Invalid '{param}': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead."
        ),
    )


def _below(param: str, error: ErrorDetails) -> tuple[str, str]:
    least, got = error["ctx"]["ge"], error["input"]
    return (
        f"{_number(got)}_below_min_value",
        (
            f"Invalid '{param}': {_number(got)} below minimum value. "
            f"Expected a value >= {least:g}, but got {got} instead."
        ),
    )


def _beyond(param: str, error: ErrorDetails) -> tuple[str, str]:
    most, got = error["ctx"]["le"], error["input"]
    return (
        f"{_number(got)}_above_max_value",
        (
            f"Invalid '{param}': {_number(got)} above maximum value. "
            f"Expected a value <= {most:g}, but got {got} instead."
        ),
    )


def _number(given: float) -> str:
    return "integer" if isinstance(given, int) else "decimal"


_RULES: Final[dict[str, Callable[[str, ErrorDetails], tuple[str, str]]]] = {
    "missing": _missing,
    "union_tag_not_found": _missing,
    "union_tag_invalid": _tag_unknown,
    "extra_forbidden": _unknown,
    "literal_error": _unsupported,
    "string_too_long": _string_above,
    "text_too_long": _text_above,
    "string_too_short": _string_empty,
    "too_long": _above,
    "too_short": _array_empty,
    "greater_than_equal": _below,
    "less_than_equal": _beyond,
}
