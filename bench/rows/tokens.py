"""`tokens`: what a model is made to read, in tokens of o200k."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import httpx2

from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll_tools.client.profiles import EMBEDDED
from bench.conversations import chats, database, fill, long_messages
from bench.figures import Claim, Figure, Outcome, Row, figure, ratio
from bench.host import Host, started
from bench.servers import backscroll
from bench.trial import Trial
from tests.clients.nodejs import count_tokens

LIMIT: Final = 20
SAMPLES: Final = 30
LONG_CHARS: Final = 2_000
MAX_PAGES: Final = 100

SLIM: Final = 1_480
WHOLE: Final = 3_500


@dataclass(frozen=True, slots=True)
class _Counted:
    """Tokens of the same messages: as the upstream's JSON, as a transcript, and their texts."""

    raw: list[int]
    shown: list[int]
    texts: list[int]

    @property
    def beyond(self) -> list[float]:
        """Tokens of the transcript beyond the texts, a message."""
        pairs = zip(self.shown, self.texts, strict=True)
        return [(shown - texts) / LIMIT for shown, texts in pairs]


def _short(number: int) -> Iterator[ImportedThread]:
    """Yield real conversations, each cut to the messages of a page."""
    enough = (thread for thread in chats() if len(thread.messages) >= LIMIT)
    for thread in islice(enough, number):
        yield _thread(thread.key, thread.messages[:LIMIT])


def _long(number: int) -> Iterator[ImportedThread]:
    """Yield conversations of as many messages, each of them real ones joined to a length."""
    texts = (str(message.content) for thread in chats() for message in thread.messages)
    for thread_number in range(number):
        messages = long_messages(texts, LIMIT, LONG_CHARS)
        yield _thread(f"long:{thread_number}", messages)


def _thread(key: str, messages: Iterable[ImportedMessage]) -> ImportedThread:
    thread_id = f"thread_{key.partition(':')[2].replace('-', '')}"
    return ImportedThread(key=key, id=thread_id, created_at=0, messages=list(messages))


@asynccontextmanager
async def _wire(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        open_store(url) as store,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(store.app),
            base_url=EMBEDDED.base_url,
            headers={"OpenAI-Beta": "assistants=v2"},
        ) as http,
    ):
        yield http


async def _raw(url: str, thread_ids: Iterable[str]) -> list[str]:
    """Return the upstream's own reply for a page of each thread."""
    async with _wire(url) as http:
        return [
            (await http.get(f"threads/{thread_id}/messages", params={"limit": LIMIT})).text
            for thread_id in thread_ids
        ]


def _transcript(host: Host, thread_id: str) -> str:
    """Return all that a model reads to have seen every message of a thread."""
    shown = ""
    arguments: dict[str, Any] = {"thread_id": thread_id, "limit": LIMIT}
    for _ in range(MAX_PAGES):
        result = host.call("list-messages", **arguments)
        shown += "".join(block["text"] for block in result["content"])
        page = result["structuredContent"]["page"]
        if not page["has_more"]:
            return shown
        arguments["cursor"] = page["next_cursor"]
    raise RuntimeError("the walk does not end")


def _counted(threads: list[ImportedThread]) -> _Counted:
    ids = [str(thread.id) for thread in threads]
    with database() as url:
        asyncio.run(fill(url, threads))
        raw = asyncio.run(_raw(url, ids))
        with started(backscroll(url)) as host:
            shown = [_transcript(host, thread_id) for thread_id in ids]
    texts = [str(message.content) for thread in threads for message in thread.messages]
    counts = count_tokens(texts)
    return _Counted(
        count_tokens(raw),
        count_tokens(shown),
        [sum(counts[start : start + LIMIT]) for start in range(0, len(counts), LIMIT)],
    )


def _listed() -> tuple[int, int]:
    """Return the tokens of the tools: what models are shown of them, and the whole reply."""
    with database() as url, started(backscroll(url)) as host:
        host.handshake()
        result = host.request("tools/list")
    shown = [
        {name: tool[name] for name in ("name", "description", "inputSchema")}
        for tool in result["tools"]
    ]
    slim, whole = count_tokens([_compact(shown), _compact(result)])
    return slim, whole


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _measure(trial: Trial) -> Outcome:
    samples = trial.size(SAMPLES, quick=2)
    kinds = {"short": list(_short(samples)), "long": list(_long(max(2, samples // 6)))}
    found: dict[str, _Counted] = {}
    slim, whole = _listed()
    for kind in (list(kinds)[number] for number in trial.track(len(kinds), "reading pages")):
        found[kind] = _counted(kinds[kind])
    short, long = found["short"], found["long"]
    return Outcome(
        tuple(each for kind, counted in found.items() for each in _figures(kind, counted)),
        (
            Claim("the tools as models see them", slim, most=SLIM, unit="tokens"),
            Claim("the tools whole", whole, most=WHOLE, unit="tokens"),
            ratio(f"{LIMIT} short messages by JSON", short.shown, short.raw, most=0.2),
            Claim(
                "a short message, beyond its text",
                figure("", "", short.beyond).median,
                most=12,
                unit="tokens",
            ),
            ratio(f"{LIMIT} long messages by JSON", long.shown, long.raw, most=0.85),
        ),
        (
            (
                f"Short messages are the dataset's; long ones are those joined to {LONG_CHARS:,} "
                "characters, and read in as many pages as Backscroll makes of them."
            ),
        ),
    )


def _figures(kind: str, counted: _Counted) -> tuple[Figure, ...]:
    return (
        figure(f"Backscroll, {LIMIT} {kind} messages", "tokens", counted.shown),
        figure(f"the upstream's JSON of {LIMIT} {kind} messages", "tokens", counted.raw),
        figure(f"the texts alone of {LIMIT} {kind} messages", "tokens", counted.texts),
    )


TOKENS: Final = Row("tokens", "what a model reads, in tokens of o200k", _measure)
