"""The responses that the conformance suites expect, verbatim if they compare the text."""

from typing import Any, Final

from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)

JSON = dict[str, Any]

IMAGE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQ"
    "DwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
SOUND: Final = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def embedded(uri: str, words: str, mime_type: str = "text/plain") -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=words)
    return EmbeddedResource(type="resource", resource=contents)


def said(words: str) -> CallToolResult:
    return CallToolResult(content=[text(words)])


_IMAGE: Final = ImageContent(type="image", data=IMAGE, mime_type="image/png")
RESULTS: Final = {
    "test_simple_text": said("This is a simple text response for testing."),
    "test_image_content": CallToolResult(content=[_IMAGE]),
    "test_audio_content": CallToolResult(
        content=[AudioContent(type="audio", data=SOUND, mime_type="audio/wav")]
    ),
    "test_embedded_resource": CallToolResult(
        content=[embedded("test://embedded-resource", "This is an embedded resource content.")]
    ),
    "test_multiple_content_types": CallToolResult(
        content=[
            text("Multiple content types test:"),
            _IMAGE,
            embedded("test://mixed-content-resource", '{"value": 123}', "application/json"),
        ]
    ),
    "test_error_handling": CallToolResult(
        content=[text("This tool intentionally returns an error for testing")], is_error=True
    ),
    "test_x_mcp_header": said("heard"),
    "json_schema_2020_12_tool": said("valid"),
}
"""The results of tools that always return the same."""

_ANYTHING: Final[JSON] = {"type": "object", "properties": {}}
SCHEMAS: Final[dict[str, JSON]] = {
    **dict.fromkeys(RESULTS, _ANYTHING),
    "test_x_mcp_header": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    },
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}
"""The input schemas of those tools."""

_TITLED: Final = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
_UNTITLED: Final = {"type": "string", "enum": ["option1", "option2", "option3"]}
FORMS: Final[dict[str, JSON]] = {
    "test_elicitation": {"response": {"type": "string"}},
    "test_elicitation_sep1034_defaults": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "default": True},
    },
    "test_elicitation_sep1330_enums": {
        "untitledSingle": _UNTITLED,
        "titledSingle": {"type": "string", "oneOf": _TITLED},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": _UNTITLED},
        "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
    },
}
"""The fields that tools ask the client's user to fill in during a call."""


RESOURCES: Final = ListResourcesResult(
    resources=[
        Resource(uri="test://static-text", name="static-text", mime_type="text/plain"),
        Resource(uri="test://static-binary", name="static-binary", mime_type="image/png"),
        Resource(uri="test://watched-resource", name="watched", mime_type="text/plain"),
    ]
)
TEMPLATES: Final = ListResourceTemplatesResult(
    resource_templates=[
        ResourceTemplate(
            uri_template="test://template/{id}/data", name="template", mime_type="application/json"
        )
    ]
)


def resource(uri: str) -> TextResourceContents | BlobResourceContents | None:
    """Return the contents of a resource; None if there is no such resource."""
    match uri.removeprefix("test://").split("/"):
        case ["static-text" | "watched-resource"]:
            words = "This is the content of the static text resource."
            return TextResourceContents(uri=uri, mime_type="text/plain", text=words)
        case ["static-binary"]:
            return BlobResourceContents(uri=uri, mime_type="image/png", blob=IMAGE)
        case ["template", name, "data"]:
            words = f'{{"id": "{name}", "templateTest": true, "data": "Data for ID: {name}"}}'
            return TextResourceContents(uri=uri, mime_type="application/json", text=words)
        case _:
            return None


PROMPTS: Final = ListPromptsResult(
    prompts=[
        Prompt(name="test_simple_prompt", description="Without arguments."),
        Prompt(
            name="test_prompt_with_arguments",
            description="With two arguments.",
            arguments=[PromptArgument(name=name, required=True) for name in ("arg1", "arg2")],
        ),
        Prompt(
            name="test_prompt_with_embedded_resource",
            description="With a resource.",
            arguments=[PromptArgument(name="resourceUri", required=True)],
        ),
        Prompt(name="test_prompt_with_image", description="With an image."),
        Prompt(name="test_input_required_result_prompt", description="Asks first."),
    ]
)


def _asked(*content: TextContent | ImageContent | EmbeddedResource) -> list[PromptMessage]:
    return [PromptMessage(role="user", content=block) for block in content]


def prompt(name: str, given: dict[str, str]) -> list[PromptMessage] | None:
    """Return the messages of a prompt; None if there is no such prompt."""
    match name:
        case "test_simple_prompt":
            return _asked(text("This is a simple prompt for testing."))
        case "test_prompt_with_arguments":
            first, second = given["arg1"], given["arg2"]
            return _asked(text(f"Prompt with arguments: arg1='{first}', arg2='{second}'"))
        case "test_prompt_with_embedded_resource":
            content = embedded(given["resourceUri"], "Embedded resource content for testing.")
            return _asked(content, text("Please process the embedded resource above."))
        case "test_prompt_with_image":
            return _asked(_IMAGE, text("Please analyze the image above."))
        case _:
            return None
