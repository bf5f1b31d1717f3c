"""docs/tools.md: every tool, every field of what it gives back, and every error."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from backscroll_tools import schemas
from backscroll_tools.errors import RETRIES, ErrorCode
from backscroll_tools.models import JSON
from backscroll_tools.tool import Tool
from backscroll_tools.toolset import MESSAGES, TOOLSETS, Toolset
from manifests.description import arguments, tools
from manifests.tables import code, table

ERRORS: Final[dict[ErrorCode, str]] = {
    "invalid_arguments": "an argument breaks its rule, which the message names",
    "not_found": "the upstream has nothing of that id",
    "thread_busy": "a run is at work on the thread, which takes no messages meanwhile",
    "auth_failed": "the upstream does not accept the key, or there is none",
    "forbidden": "the key is accepted, and not for this",
    "rate_limited": "too many requests; the message says how long to wait, where that is known",
    "quota_exceeded": "what was paid for is used up",
    "upstream_unavailable": "the upstream could not be reached, or failed",
    "upstream_invalid": "the upstream answered what cannot be understood",
    "upstream_retired": "the upstream has switched this off; the message says where to go",
    "deadline_exceeded": "there was not enough time: `BACKSCROLL_DEADLINE_S`",
    "outcome_unknown": "nobody can tell whether the message was written",
    "read_only": "this server, or this token, does not write",
    "internal": "a fault of Backscroll's own; the log has it, under the request's id over HTTP",
}

PAGE: Final[dict[str, str]] = {
    "returned": "how many items this page has",
    "has_more": "whether more follow; false only where the end was seen",
    "next_cursor": "what to pass as `cursor` to go on; null at the end",
    "stopped_by": "`end`, `limit`, `size`, `deadline` or `requests`",
    "order": "`asc` or `desc`",
    "passed": "items of other kinds between them that were passed over, in a conversation",
    "derived": "the files are those that the message names: the upstream has no list of them",
    "warning": "what the upstream did that a reader must know of",
}

ITEMS: Final[dict[str, tuple[str, JSON]]] = {
    "A message": ("Empty fields are left out.", schemas.MESSAGE),
    "A thread": ("", schemas.THREAD),
    "A stored completion": ("Its `text` is its answer.", schemas.COMPLETION),
    "A file": ("", schemas.FILE),
}

_HEAD: Final = """\
# Tools

What hosts are told of each tool, and what comes back. Arguments are held to their JSON Schema
without coercion: `"20"` is no integer; null stands for an argument that is left out. Ids are 1 to
256 letters, digits and `_ . = -`.

`BACKSCROLL_TOOLSETS` says which toolsets agents are offered:

"""
_RESULTS: Final = """\
## Results

A result has a text, which is a transcript for a model, and structured content, the same as JSON
(`BACKSCROLL_OUTPUT` leaves out either). A list has `page`, then its items under `messages`,
`files`, `threads` or `completions`.

### The page

"""
_CLIPPED: Final = """\
`clipped` says what of a text this page shows, in characters: `shown` of `total`, from `start` on.
The next cursor goes on inside it, but after a skim (`preview_chars`), where `get-message` reads it
whole.

"""
_ERRORS: Final = """\
## Errors

A failed call is a result with `isError` whose text is `code: sentence`, then `Next:` what to do,
then `Retry:` whether the same call may be made again, which may be told more precisely than here.

"""


def document() -> str:
    """Return docs/tools.md."""
    toolsets = ((code(each.name), each.about, _offered(each)) for each in TOOLSETS)
    parts = [_HEAD, table(("toolset", "its tools", "offered"), toolsets), "\n"]
    parts += [*(_tool(tool) for tool in tools()), _RESULTS]
    parts += [table(("field", "what"), ((code(name), PAGE[name]) for name in PAGE)), "\n"]
    for title, (said, schema) in ITEMS.items():
        parts += [f"### {title}\n\n", _fields(schema), f"\n{said}\n\n" if said else "\n"]
    parts += [_CLIPPED, _ERRORS]
    rows = ((code(each), ERRORS[each], RETRIES[each]) for each in get_args(ErrorCode))
    return "".join((*parts, table(("code", "means", "retry"), rows)))


def _offered(toolset: Toolset) -> str:
    return "by default" if toolset is MESSAGES else f"if it is named, or {code('all')}"


def _tool(tool: Tool) -> str:
    kind = "Changes or deletes" if tool.destroys else "Writes" if tool.writes else "Reads"
    needs = " or ".join(need.words for need in tool.needs)
    told = f"{kind}. Toolset `{tool.toolset.name}`; offered where the upstream has {needs}."
    required = set(_strings(tool.input_schema.get("required", ())))
    rows = (
        (code(name), _kind(schema), "required" if name in required else "", _rule(schema))
        for name, schema in arguments(tool).items()
    )
    columns = ("argument", "type", "", "rule")
    return f"## {tool.name}\n\n{tool.description}\n\n{told}\n\n{table(columns, rows)}\n"


def _fields(schema: JSON) -> str:
    """Return the fields of an item, with their types."""
    properties: dict[str, JSON] = schema["properties"]
    required = set(_strings(schema["required"]))
    rows = (
        (code(name), _kind(each), "always" if name in required else "")
        for name, each in properties.items()
    )
    return table(("field", "type", ""), rows)


def _kind(schema: Mapping[str, Any]) -> str:
    said = schema["type"]
    if isinstance(said, list):
        return " or ".join(said)
    if said == "array":
        return f"array of {_kind(schema['items'])}s"
    return str(said)


def _rule(schema: Mapping[str, Any]) -> str:
    """Return what of a schema is more than its type, in words."""
    said = [schema["description"]] if "description" in schema else []
    if "enum" in schema:
        said.append(" or ".join(map(code, schema["enum"])))
    if "minimum" in schema:
        said.append(f"{schema['minimum']} to {schema['maximum']}")
    if schema.get("minLength") and "maxLength" in schema:
        said.append(f"{schema['minLength']} to {schema['maxLength']:,} characters")
    elif "maxLength" in schema:
        said.append(f"at most {schema['maxLength']:,} characters")
    if "maxProperties" in schema:
        key, value = schema["propertyNames"]["maxLength"], schema["additionalProperties"]
        said.append(
            f"at most {schema['maxProperties']} pairs of text, {key} and {value['maxLength']} "
            "characters"
        )
    if "default" in schema:
        said.append(f"default {code(str(schema['default']))}")
    return "; ".join(said)


def _strings(value: object) -> Iterable[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
