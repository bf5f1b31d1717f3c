"""The request bodies for threads, messages and stored completions, as OpenAI declares them.

Sources of the limits: OpenAI's OpenAPI documents of 2024-04-15 (v1) and 2026-08-21 (v2). The tags
that identify the members of a union are in angle brackets, so that `validation` can leave them out
of the parameter names in errors.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

MAX_TEXT: Final = 256_000
_MAX_URL: Final = 8_192
_MAX_PARTS: Final = 1_000
_MAX_MESSAGES: Final = 100

FileId = Annotated[str, Field(min_length=1, max_length=256)]
MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)]
Detail = Literal["auto", "low", "high"]


class Body(BaseModel):
    """A request body, or an object in one. Undeclared fields and other types are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class TextPart(Body):
    """A text part of a message. In a request, its text is a plain string."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class ImageFile(Body):
    """A reference to an uploaded image file."""

    file_id: FileId
    detail: Detail = "auto"


class ImageUrl(Body):
    """A reference to an image at a URL."""

    url: Annotated[str, Field(min_length=1, max_length=_MAX_URL)]
    detail: Detail = "auto"


class ImageFilePart(Body):
    """A message part with an uploaded image file."""

    type: Literal["image_file"]
    image_file: ImageFile


class ImageUrlPart(Body):
    """A message part with an image at a URL."""

    type: Literal["image_url"]
    image_url: ImageUrl


def _part_tag(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        return "<text>"
    kind = value.get("type")
    return None if kind is None else f"<{kind}>"


def _content_tag(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "<parts>" if isinstance(value, list) else "<string>"


Part = Annotated[
    Annotated[TextPart, Tag("<text>")]
    | Annotated[ImageFilePart, Tag("<image_file>")]
    | Annotated[ImageUrlPart, Tag("<image_url>")],
    Discriminator(_part_tag),
]


def _check_total(parts: list[Part]) -> list[Part]:
    total = sum(len(part.text) for part in parts if isinstance(part, TextPart))
    if total > MAX_TEXT:
        raise PydanticCustomError(
            "text_too_long",
            "text too long: expected at most {max_length} characters in total over all parts",
            {"max_length": MAX_TEXT},
        )
    return parts


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Content = Annotated[
    Annotated[Text, Tag("<string>")]
    | Annotated[
        list[Part],
        Field(min_length=1, max_length=_MAX_PARTS),
        AfterValidator(_check_total),
        Tag("<parts>"),
    ],
    Discriminator(_content_tag),
]


class AttachmentTool(Body):
    """A tool that may use an attached file."""

    type: Literal["code_interpreter", "file_search"]


class Attachment(Body):
    """A file and the tools that may use it."""

    file_id: FileId
    tools: Annotated[list[AttachmentTool], Field(max_length=16)]


class MessageV1(Body):
    """The body that creates a message (`CreateMessageRequest`), in the API's first version."""

    role: Literal["user", "assistant"]
    content: Text
    file_ids: Annotated[list[FileId], Field(min_length=1, max_length=10)] | None = None
    metadata: Metadata | None = None

    def attached(self) -> list[dict[str, Any]]:
        """Return the files as attachments, the form in which both API versions store files."""
        return [{"file_id": file_id, "tools": []} for file_id in self.file_ids or ()]


class MessageV2(Body):
    """The body that creates a message (`CreateMessageRequest`), in the API's second version."""

    role: Literal["user", "assistant"]
    content: Content
    attachments: Annotated[list[Attachment], Field(max_length=512)] | None = None
    metadata: Metadata | None = None

    def attached(self) -> list[dict[str, Any]]:
        """Return the attachments in the form in which they are stored."""
        return [attachment.model_dump() for attachment in self.attachments or ()]


class CodeInterpreterFiles(Body):
    """The files that a thread's code interpreter may use."""

    file_ids: Annotated[list[FileId], Field(max_length=20)] = []


def _refuse_new_stores(stores: list[Any] | None) -> list[Any] | None:
    if stores:
        kind = "not_served"
        raise PydanticCustomError(kind, "this store has no vector stores, and cannot create one.")
    return stores


class FileSearchStores(Body):
    """The vector stores that a thread's file search may use.

    In OpenAI's API, `vector_stores` creates vector stores. Here, it must be empty or null.
    """

    vector_store_ids: Annotated[list[FileId], Field(max_length=1)] = []
    vector_stores: Annotated[
        list[Any] | None, AfterValidator(_refuse_new_stores), Field(exclude=True)
    ] = None


class ToolResources(Body):
    """The files and vector stores that a thread's tools may use."""

    code_interpreter: CodeInterpreterFiles | None = None
    file_search: FileSearchStores | None = None


class ThreadV1(Body):
    """The body that creates a thread (`CreateThreadRequest`), in the API's first version."""

    messages: Annotated[list[MessageV1], Field(max_length=_MAX_MESSAGES)] = []
    metadata: Metadata | None = None


class ThreadV2(Body):
    """The body that creates a thread (`CreateThreadRequest`), in the API's second version."""

    messages: Annotated[list[MessageV2], Field(max_length=_MAX_MESSAGES)] = []
    metadata: Metadata | None = None
    tool_resources: ToolResources | None = None


class MetadataChange(Body):
    """The body that modifies a message or, in the API's first version, a thread."""

    metadata: Metadata | None = None


class ThreadChange(MetadataChange):
    """The body that modifies a thread in the API's second version. Omitted fields are kept."""

    tool_resources: ToolResources | None = None


class MetadataReplacement(Body):
    """The body that updates a stored completion or conversation; `null` removes all metadata."""

    metadata: Metadata | None
