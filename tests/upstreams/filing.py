"""Behaviours of upstreams that list the files of a message."""

from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Behaviour, Exchange, answer

COUNT: Final = 250
NAMED: Final = ["file_a", "file_i", "file_p", "file_c"]


def _message(**fields: object) -> JSON:
    return {"id": "msg_1", "object": "thread.message", "created_at": 1_700_000_000, **fields}


async def _version_1(exchange: Exchange) -> Answer:
    asked = exchange.asked
    if not asked.path.endswith("/files"):
        return answer({"detail": "Not Found"}, 404)
    names = [f"file_{number}" for number in range(COUNT)]
    if asked["order"] == "desc":
        names.reverse()
    start = names.index(asked["after"]) + 1 if asked["after"] else 0
    page = names[start : start + int(asked["limit"])]
    rows = [
        {
            "id": name,
            "object": "thread.message.file",
            "created_at": 1_700_000_000.5,
            "message_id": "msg_1",
        }
        for name in page
    ]
    return answer({"object": "list", "data": rows, "has_more": start + len(page) < len(names)})


async def _version_2(exchange: Exchange) -> Answer:
    if exchange.asked.path.endswith("/files"):
        return answer({"detail": "Not Found"}, 404)
    names = [f"file_{number}" for number in range(COUNT)]
    return answer(_message(attachments=[{"file_id": name, "tools": []} for name in names]))


async def _everywhere(_: Exchange) -> Answer:
    """Name files in every field of a message of a thread that can name one, some twice."""
    path = {"type": "file_path", "text": "x", "file_path": {"file_id": "file_p"}}
    citation = {"type": "file_citation", "file_citation": {"file_id": "file_c", "quote": "q"}}
    content = [
        {"type": "image_file", "image_file": {"file_id": "file_i", "detail": "auto"}},
        {"type": "text", "text": {"value": "x", "annotations": [path, citation, path]}},
        {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        {"type": "image_file", "image_file": None},
    ]
    attachments = [{"file_id": "file_a"}, {"file_id": None}, {"file_id": "no id"}, None]
    return answer(_message(attachments=attachments, content=content))


VERSION_1: Final = Behaviour(
    "files are listed, by version 1 of the API",
    "open-assistant-api; OpenAI API, 2024-04-15",
    _version_1,
    {"serves": ("threads", "message_files")},
)
VERSION_2: Final = Behaviour(
    "files are not listed since version 2", "OpenAI API documents", _version_2
)
EVERYWHERE: Final = Behaviour(
    "files are named all over a message", "OpenAI API documents", _everywhere
)

FILING: Final = (VERSION_1, VERSION_2, EVERYWHERE)
