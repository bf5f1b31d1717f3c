"""The request bodies for assistants, as OpenAI declares them.

Source of the fields and limits: OpenAI's OpenAPI document of 2026-08-21.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StrictBool, Tag

from backscroll.store.bodies import MAX_TEXT, Body, Metadata, ToolResources

_MAX_TOOLS: Final = 128

Model = Annotated[str, Field(min_length=1, max_length=256)]
Name = Annotated[str, Field(max_length=256)]
Description = Annotated[str, Field(max_length=512)]
Instructions = Annotated[str, Field(max_length=MAX_TEXT)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
FunctionName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class CodeInterpreterTool(Body):
    """The tool that runs code."""

    type: Literal["code_interpreter"]


class RankingOptions(Body):
    """How file search ranks its results."""

    score_threshold: Share
    ranker: Literal["auto", "default_2024_08_21"] | None = None


class FileSearchOptions(Body):
    """How file search searches."""

    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None
    ranking_options: RankingOptions | None = None


class FileSearchTool(Body):
    """The tool that searches vector stores."""

    type: Literal["file_search"]
    file_search: FileSearchOptions | None = None


class Function(Body):
    """A function that the caller runs for the model. `parameters` is a JSON Schema."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: StrictBool | None = None


class FunctionTool(Body):
    """The tool that calls a function."""

    type: Literal["function"]
    function: Function


def _type_tag(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    kind = value.get("type") if isinstance(value, dict) else None
    return None if kind is None else f"<{kind}>"


Tool = Annotated[
    Annotated[CodeInterpreterTool, Tag("<code_interpreter>")]
    | Annotated[FileSearchTool, Tag("<file_search>")]
    | Annotated[FunctionTool, Tag("<function>")],
    Discriminator(_type_tag),
]


class TextFormat(Body):
    """An answer as text, or as JSON without a schema."""

    type: Literal["text", "json_object"]


class JsonSchema(Body):
    """The JSON Schema of an answer."""

    name: FunctionName
    description: str | None = None
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: StrictBool | None = None


class JsonSchemaFormat(Body):
    """An answer as JSON that follows a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


def _format_tag(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    return _type_tag(value) if isinstance(value, dict) else "<auto>"


ResponseFormat = Annotated[
    Annotated[Literal["auto"], Tag("<auto>")]
    | Annotated[TextFormat, Tag("<text>")]
    | Annotated[TextFormat, Tag("<json_object>")]
    | Annotated[JsonSchemaFormat, Tag("<json_schema>")],
    Discriminator(_format_tag),
]


class AssistantChange(Body):
    """The body that modifies an assistant. Omitted fields are kept."""

    model: Model = ""
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], Field(max_length=_MAX_TOOLS)] = Field([])
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    reasoning_effort: ReasoningEffort | None = None
    response_format: ResponseFormat | None = None


class Assistant(AssistantChange):
    """The body that creates an assistant (`CreateAssistantRequest`)."""

    model: Model
