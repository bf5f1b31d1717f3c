"""`backscroll doctor`: what it finds, what it advises, and what it never shows."""

import asyncio
import json
import re
import shutil
import socket
import sqlite3
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backscroll.cli import commands
from backscroll.commands.doctor.causes import cause_of
from backscroll.commands.doctor.database_check import check_database, is_missing
from backscroll.commands.doctor.diagnosis import Check, Diagnosis
from backscroll.commands.doctor.examination import examine
from backscroll.commands.doctor.fitness import fitness_of_all, unneeded_groups
from backscroll.commands.doctor.report import as_json, as_text
from backscroll.database.schema_version import SCHEMA_VERSION
from backscroll.database.sqlite_engine import journal_mode
from backscroll.mcp.toolsets import offered
from backscroll.settings.loading import load, sources
from backscroll.settings.model import Settings
from backscroll.settings.paths import sqlite_url
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll_tools.client.failures import UnreachableError, failure, unreachable
from backscroll_tools.client.profiles import OPENAI, PROFILES, STORE
from backscroll_tools.registry import TOOLS
from tests import loopback
from tests.inventory import NAMES
from tests.ports import free_port
from tests.postgres import PostgresServer

KEY = "sk-canary-7f3a9c1e5b2d8046"
NOT_FOUND = '{"detail":"Not Found"}'
GROUPS = ("threads", "conversations", "stored completions", "responses")


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on loopback, and yield its address up to `/v1`."""
    async with loopback.served(app) as url:
        yield f"{url}/v1"


def answering(replies: Mapping[str, Response], seen: list[Request] | None = None) -> Starlette:
    """Return an application that answers by the longest beginning of a path under `/v1`."""

    async def answer(request: Request) -> Response:
        if seen is not None:
            seen.append(request)
        path = request.url.path.removeprefix("/v1")
        return replies[max((start for start in replies if path.startswith(start)), key=len)]

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def made(**environ: str) -> dict[str, str]:
    return {f"BACKSCROLL_{name.upper()}": value for name, value in environ.items()}


async def diagnosis_of(environ: Mapping[str, str], limit_s: float = 5.0) -> Diagnosis:
    return await examine(load(None, environ), sources(None, environ), environ, limit_s)


def found(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    return [(check.name, check.verdict, check.detail) for check in diagnosis.checks]


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(commands, ["doctor", *arguments], env=made(**environ))


def assert_keeps_the_key(diagnosis: Diagnosis) -> None:
    """No six characters of the key in a row are in what is shown."""
    for shown in (as_text(diagnosis, 80), as_json(diagnosis), repr(diagnosis)):
        assert not any(KEY[at : at + 6] in shown for at in range(len(KEY) - 5))


async def test_a_store_that_is_not_there_yet_is_well_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "new?" / "store.db"
    database = sqlite_url(path)

    diagnosis = await diagnosis_of(made(database=database))

    assert diagnosis.is_well
    assert found(diagnosis) == [
        ("database", "ok", f"does not exist yet; the first tool call creates {path}"),
        ("threads", "ok", "answered that a made-up id does not exist"),
        ("lists of threads", "ok", "answered"),
        ("files of messages", "ok", "answered that a made-up id does not exist"),
        ("conversations", "ok", "answered that a made-up id does not exist"),
        ("stored completions", "ok", "answered"),
        ("responses", "ok", "answered that a made-up id does not exist"),
        ("search", "ok", "answered"),
    ]
    assert is_missing(database)


async def test_the_longest_name_of_a_tool_is_apart_from_what_is_said_of_it(tmp_path: Path) -> None:
    environ = made(DATABASE=f"sqlite:///{tmp_path}/a.db", TOOLSETS="all")
    diagnosis = await diagnosis_of(environ)
    shown = [line.split() for line in as_text(diagnosis, 80).splitlines()]
    named = {words[1] for words in shown if len(words) > 1}
    assert {tool.name for tool in diagnosis.tools} <= named


async def test_what_is_older_than_it_is_kept_is_counted(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/a.db"
    async with open_store(database) as store:
        for number in range(2):
            message = ImportedMessage(role="user", content="hi", created_at=1)
            thread = ImportedThread(key=str(number), created_at=1, messages=[message])
            await store.import_thread(thread)

    diagnosis = await diagnosis_of(made(database=database, keep_days="30"))
    kept = await diagnosis_of(made(database=database, keep_days="team=30"))

    assert found(diagnosis)[2] == (
        "retention",
        "ok",
        "2 objects are older than BACKSCROLL_KEEP_DAYS, and will be erased for good",
    )
    assert found(kept)[2] == ("retention", "ok", "nothing is older than BACKSCROLL_KEEP_DAYS")


async def test_a_store_is_described_and_its_conversations_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "100%" / "store.db"
    database = sqlite_url(path)
    async with open_store(database) as store:
        transport = httpx2.ASGITransport(store.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://s/v1") as http:
            headers = {"OpenAI-Beta": "assistants=v2"}
            threads = [await http.post("/threads", json={}, headers=headers) for _ in range(3)]
            gone = f"/threads/{threads[0].json()['id']}"
            assert (await http.delete(gone, headers=headers)).status_code == 200
            assert (await http.post("/conversations", json={})).status_code == 200

    diagnosis = await diagnosis_of(made(database=database))

    mode = journal_mode(sqlite3.sqlite_version_info)
    assert diagnosis.is_well
    assert found(diagnosis)[:2] == [
        (
            "database",
            "ok",
            (
                f"SQLite {sqlite3.sqlite_version}, schema {SCHEMA_VERSION}, journal {mode}, "
                f"synchronous full, in {path}"
            ),
        ),
        (
            "contents",
            "ok",
            "2 threads, 1 conversation, 0 stored completions, 0 responses, 0 assistants",
        ),
    ]
    free = shutil.disk_usage(tmp_path).free // 1024 // 1024
    assert found(diagnosis)[2][:2] == ("disk", "ok" if free >= 256 else "warning")
    assert re.fullmatch(r"is writable; [0-9,]+ MiB are free", found(diagnosis)[2][2])
    assert found(diagnosis)[3] == ("structure", "ok", "is intact")
    told = [(tool.name, tool.fitness, tool.detail) for tool in diagnosis.tools]
    assert [one for one in told if one[0] in NAMES] == [
        ("list-messages", "works", "on threads and conversations"),
        ("get-chat-messages", "works", "on stored completions and responses"),
        ("list-message-files", "works", "on threads, conversations and responses"),
        (
            "create-message",
            "works",
            "on threads and conversations; writing was not tested",
        ),
        ("get-message", "works", "on threads, conversations and responses"),
        ("list-threads", "works", "on lists of threads"),
        ("list-chat-completions", "works", "on stored completions"),
        (
            "search-messages",
            "works",
            "on threads, conversations, stored completions, responses and search",
        ),
    ]


async def filled(path: Path) -> str:
    """Make a store of some messages, and return its URL."""
    database = f"sqlite:///{path}"
    async with open_store(database) as store:
        for at in range(30):
            message = ImportedMessage(role="user", content="x" * 400, created_at=1)
            await store.import_thread(
                ImportedThread(key=f"{at}", created_at=1, messages=[message] * 10)
            )
    return database


async def test_a_database_that_was_deleted_is_told_from_one_that_is_yet_to_be_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    database = await filled(path)
    (tmp_path / "store.db-journal").touch()  # as every crash and most journal modes leave it
    path.unlink()

    diagnosis = await diagnosis_of(made(database=database))

    detail = f"is missing: {path} was moved or deleted, but store.db-journal still exists"
    assert found(diagnosis) == [("database", "failed", detail)]
    assert "restore a backup" in as_text(diagnosis, 80)
    assert not diagnosis.is_well


@pytest.mark.parametrize("page", [1, 20, 30])
async def test_a_damaged_database_is_not_well_and_is_said_to_be_damaged(
    tmp_path: Path, page: int
) -> None:
    path = tmp_path / "store.db"
    database = await filled(path)
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)

    diagnosis = await diagnosis_of(made(database=database))

    assert not diagnosis.is_well
    assert any("damaged" in check.detail for check in diagnosis.checks)
    assert "x" * 10 not in as_json(diagnosis)


async def test_damaged_json_is_found_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database = await filled(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE messages SET content = '[{' WHERE rowid = 7")

    diagnosis = await diagnosis_of(made(database=database))

    assert found(diagnosis)[2:] == [
        ("structure", "failed", "is damaged: malformed JSON in messages.content")
    ]


async def test_a_database_too_large_to_be_looked_at_in_time_is_not_said_to_be_whole(
    tmp_path: Path,
) -> None:
    checks = await check_database(await filled(tmp_path / "store.db"), structure_check_s=0.0)
    assert checks[-1].verdict == "unclear"
    assert checks[-1].detail == "no damage found in 0 s, but not all of it was checked"


async def test_a_file_that_is_no_database_fails_every_tool(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database\n" * 100)

    diagnosis = await diagnosis_of(made(database=f"sqlite:///{path}"))

    assert not diagnosis.is_well
    assert diagnosis.checks == (
        Check(
            "database",
            "failed",
            f"{path} is not a SQLite database: point BACKSCROLL_DATABASE at another file",
            next_step="Fix the database, or set BACKSCROLL_DATABASE to another one.",
        ),
    )
    default = [tool for tool in diagnosis.tools if tool.name in NAMES]
    assert {(tool.fitness, tool.detail) for tool in default} == {
        ("broken", "the store was not opened, because a check of its database failed")
    }


async def test_a_database_in_a_file_s_place_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    diagnosis = await diagnosis_of(made(database=f"sqlite:///{tmp_path / 'file' / 'store.db'}"))

    assert found(diagnosis) == [
        ("database", "failed", f"does not exist, and cannot be created in {tmp_path / 'file'}")
    ]


async def test_a_database_that_another_program_holds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}"):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        checks = await check_database(f"sqlite:///{path}", lock_s=0.05)

    assert [check.detail for check in checks] == [
        f"{path} is locked by another program: close that program, or wait and try again"
    ]


@pytest.mark.parametrize(
    "url", ["sqlite:foo", "sqlite:///", "sqlite://host/a.db", "sqlite:///a?b=c"]
)
async def test_a_url_of_sqlite_that_names_no_file_is_a_failed_check(url: str) -> None:
    checks = await check_database(url)

    assert [(check.name, check.verdict) for check in checks] == [("database", "failed")]
    assert "this sqlite URL has another form" in checks[0].detail


async def test_a_url_of_no_known_database_is_refused_without_its_password() -> None:
    url = f"mysql://ann:{KEY}@db.example/talks?x={KEY}"
    diagnosis = await diagnosis_of(made(database=url, database_read=url))

    shown = {one.name: one.value for one in diagnosis.settings}
    assert shown["database"] == "mysql://ann:***@db.example/talks"
    assert shown["database_read"] == "mysql://ann:***@db.example/talks"
    assert not diagnosis.is_well
    assert_keeps_the_key(diagnosis)


async def test_a_database_of_postgresql_is_described_without_its_password(
    postgres: PostgresServer,
) -> None:
    async with postgres.database() as url:
        diagnosis = await diagnosis_of(made(database=f"{url}?application_name={KEY}"))
        release = await asyncpg_version(url)

    facts = f"PostgreSQL {release}, schema {SCHEMA_VERSION}, synchronous_commit on, fsync off"
    assert found(diagnosis) == [
        ("database", "failed", facts),
        (
            "contents",
            "ok",
            "0 threads, 0 conversations, 0 stored completions, 0 responses, 0 assistants",
        ),
    ]
    assert diagnosis.checks[0].next_step.startswith("Set fsync = on in postgresql.conf")
    shown = next(one.value for one in diagnosis.settings if one.name == "database")
    assert shown == url.replace(postgres.password, "***")
    assert postgres.password not in as_text(diagnosis, 100) + as_json(diagnosis)
    assert_keeps_the_key(diagnosis)


async def test_a_database_that_cannot_be_reached_is_said_to_be_without_its_password() -> None:
    at = "127.0.0.1:1/talks"
    diagnosis = await diagnosis_of(made(database=f"postgresql://ann:{KEY}@{at}"))

    assert found(diagnosis) == [
        ("database", "failed", f"postgresql://{at} cannot be reached: Connection refused")
    ]
    assert_keeps_the_key(diagnosis)
    cut = await diagnosis_of(made(database=f"postgresql://ann:sk@canary/{KEY}@{at}"))
    assert_keeps_the_key(cut)


async def asyncpg_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    release: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return release


async def test_the_store_on_a_port_is_a_compatible_upstream_that_is_well(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store, served(store.app) as url:
        diagnosis = await diagnosis_of(
            made(
                upstream="compatible",
                base_url=url,
                api_key=KEY,
                read_only="true",
                serves="threads,conversations,chat_completions",
            )
        )

    assert diagnosis.is_well
    assert diagnosis.address == url
    assert [(check.name, check.verdict) for check in diagnosis.checks] == [
        (name, "ok") for name in GROUPS[:3]
    ]
    assert all(check.ms is not None and check.ms >= 0 for check in diagnosis.checks)
    missing = [tool for tool in diagnosis.tools if tool.fitness == "withheld"]
    assert {tool.name: tool.detail for tool in missing if tool.name in NAMES} == {
        "create-message": "not offered: BACKSCROLL_READ_ONLY is true",
        "list-threads": (
            "not offered: compatible does not serve lists of threads, lists of conversations, "
            "agent sessions, ChatKit threads, managed agent sessions or Mistral conversations"
        ),
    }
    assert_keeps_the_key(diagnosis)


async def test_only_harmless_requests_are_made_each_once_with_the_key() -> None:
    seen: list[Request] = []
    async with served(answering({"/": Response("{}")}, seen)) as url:
        await diagnosis_of(made(upstream="compatible", base_url=url, api_key=KEY))

    zeros = "0" * 24
    assert sorted((request.method, request.url.path) for request in seen) == [
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/chat/completions/chatcmpl-0/messages"),
        ("GET", f"/v1/conversations/conv_{zeros}{zeros}/items"),
        ("GET", f"/v1/responses/resp_{zeros}{zeros}/input_items"),
        ("GET", "/v1/threads/thread_0/messages/msg_0"),
        ("GET", f"/v1/threads/thread_{zeros}/messages"),
    ]
    assert {request.headers["authorization"] for request in seen} == {f"Bearer {KEY}"}
    assert {request.query_params.get("limit", "1") for request in seen} == {"1"}


async def test_a_refused_key_is_said_without_a_word_of_what_the_upstream_said() -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "code": "x"}})
    async with served(answering({"/": Response(body, 401)})) as url:
        refused = await diagnosis_of(made(upstream="compatible", base_url=url, api_key=KEY))
        without = await diagnosis_of(made(upstream="compatible", base_url=url))

    assert found(refused) == [(name, "failed", "rejected the caller's key") for name in GROUPS]
    assert {check.next_step for check in refused.checks} == {
        "Check that the key is complete and not revoked, and that it belongs to this upstream."
    }
    assert found(without) == [(name, "failed", "requires a key") for name in GROUPS]
    assert {check.next_step for check in without.checks} == {
        "Set BACKSCROLL_API_KEY: no key was sent."
    }
    assert_keeps_the_key(refused)


async def test_no_answer_brings_a_key_back_to_light() -> None:
    said = f"{KEY} {KEY[:12]} {KEY[12:]}"
    body = json.dumps({"error": {"message": said, "code": said}})

    async def diagnosed(status: int) -> Diagnosis:
        reply = Response(body, status, {"location": f"http://other.invalid/{KEY}"})
        async with served(answering({"/": reply})) as url:
            return await diagnosis_of(made(upstream="compatible", base_url=url, api_key=KEY))

    # At once, because some answers are waited for several times.
    statuses = (302, 400, 403, 404, 409, 422, 429, 500, 503)
    for diagnosis in await asyncio.gather(*map(diagnosed, statuses)):
        assert_keeps_the_key(diagnosis)


async def test_an_address_that_serves_nothing_of_it_is_asked_to_be_checked() -> None:
    async with served(answering({"/": Response(NOT_FOUND, 404)})) as url:
        diagnosis = await diagnosis_of(made(upstream="compatible", base_url=url))

    assert not diagnosis.is_well
    assert found(diagnosis) == [(name, "absent", "is not served") for name in GROUPS]
    assert {check.next_step for check in diagnosis.checks} == {
        "Check BACKSCROLL_BASE_URL: no endpoint was found; most such URLs end in /v1."
    }


async def test_an_upstream_without_threads_is_well_and_the_setting_that_says_so_is_named() -> None:
    """OGX 1.5.0 as recorded: no threads, conversations whose ids must be there."""
    ogx = {
        "/threads": Response(NOT_FOUND, 404),
        "/conversations": Response('{"detail":"Conversation \'conv_0\' not found."}', 404),
        "/chat/completions": Response('{"object":"list","data":[],"has_more":false}'),
        "/responses": Response('{"detail":"Response with id \'resp_0\' not found."}', 404),
    }
    async with served(answering(ogx)) as url:
        diagnosis = await diagnosis_of(made(upstream="compatible", base_url=url))

    assert diagnosis.is_well
    assert found(diagnosis) == [
        ("threads", "absent", "is not served"),
        ("conversations", "ok", "answered that a made-up id does not exist"),
        ("stored completions", "ok", "answered"),
        ("responses", "ok", "answered that a made-up id does not exist"),
    ]
    assert diagnosis.checks[0].next_step == (
        "To hide its tools: BACKSCROLL_SERVES=conversations,chat_completions,responses"
    )
    assert diagnosis.tools[0].detail == "on conversations"


async def test_a_proxy_that_fails_on_a_made_up_id_is_given_the_benefit_of_the_doubt() -> None:
    """LiteLLM 1.106.2 as recorded: its upstream's 404 becomes a 500."""
    app = answering({"/": PlainTextResponse("Internal Server Error", 500)})
    async with served(app) as url:
        diagnosis = await diagnosis_of(
            made(upstream="compatible", base_url=url, serves="threads", api_key=KEY)
        )

    assert diagnosis.is_well
    assert diagnosis.checks[0].verdict == "unclear"
    assert diagnosis.checks[0].next_step == (
        "Try an existing id: backscroll call list-messages thread_id=…"
    )


async def test_a_list_that_fails_fails_the_tools_that_need_it_alone() -> None:
    broken = {"/": Response('{"error":"No thread found"}', 404), "/chat": Response("<html>", 502)}
    async with served(answering(broken)) as url:
        diagnosis = await diagnosis_of(made(upstream="compatible", base_url=url))

    assert not diagnosis.is_well
    assert {tool.name for tool in diagnosis.tools if tool.fitness == "broken"} == {
        "list-chat-completions",
    }
    assert as_text(diagnosis, 80).endswith(
        "\n\nFailed checks: 1. Tools that will not work: 1 of 7."
    )


async def test_an_upstream_that_never_answers_is_waited_for_no_longer_than_the_limit() -> None:
    async def hang(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - as ASGI
        while (await receive())["type"] != "http.disconnect":
            pass

    async with served(hang) as url:
        diagnosis = await diagnosis_of(made(upstream="compatible", base_url=url), limit_s=0.2)

    assert found(diagnosis) == [(name, "failed", "no answer within 0.2 s") for name in GROUPS]


async def test_why_an_upstream_was_not_reached_is_said() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    async with served(answering({"/": Response("{}")})) as plain:
        secure = plain.replace("http:", "https:")
        tls, down = await asyncio.gather(
            *(diagnosis_of(made(upstream="compatible", base_url=each)) for each in (secure, url))
        )

    assert found(down) == [
        (name, "failed", "nothing is listening at its address") for name in GROUPS
    ]
    assert found(tls) == [
        (name, "failed", "TLS failed: the server may speak plain http") for name in GROUPS
    ]
    assert {check.next_step for check in down.checks + tls.checks} == {
        "Check BACKSCROLL_BASE_URL, the network, and that the upstream is running."
    }


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its host name cannot be resolved"),
        (
            ExceptionGroup("tried", [ConnectionRefusedError(111, "refused")]),
            "nothing is listening at its address",
        ),
        (untrusted(), "its certificate is not trusted: self-signed certificate"),
        (TimeoutError(), "connecting took too long"),
        (ValueError("odd"), "The upstream could not be reached (ConnectError)."),
    ],
)
def test_the_cause_is_looked_for_behind_what_was_raised(cause: Exception, said: str) -> None:
    def dial() -> None:
        raise httpx2.ConnectError("All connection attempts failed") from cause

    def ask() -> None:
        try:
            dial()
        except httpx2.ConnectError as error:
            raise unreachable(type(error).__name__, "unsent") from None

    with pytest.raises(UnreachableError) as failed:
        ask()
    assert cause_of(failed.value, with_key=True)[0] == said


def test_no_cause_repeats_what_the_upstream_said() -> None:
    body = json.dumps({"error": {"message": KEY}}).encode()
    for status in range(300, 600):
        said = cause_of(failure(STORE, status, {}, body, now=0.0), with_key=True)
        assert KEY not in "".join(said)


def test_every_setting_is_told_with_where_it_comes_from(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'store.db'}"
    result = run("--json", "--output", "text", database=database, read_only="yes", api_key=KEY)

    document: dict[str, Any] = json.loads(result.stdout)
    settings = {one["name"]: (one["value"], one["source"]) for one in document["settings"]}
    assert result.exit_code == 0
    assert document["is_well"] is True
    assert settings == {
        "upstream": ("store", "default"),
        "base_url": ("not set", "default"),
        "api_key": (f"set, {len(KEY)} characters", "BACKSCROLL_API_KEY"),
        "admin_key": ("not set", "default"),
        "organization": ("not set", "default"),
        "project": ("not set", "default"),
        "auth": ("not set", "default"),
        "serves": ("threads,conversations,chat_completions,responses", "default"),
        "idempotency_keys": ("false", "default"),
        "has_more": ("false", "default"),
        "allow_http": ("false", "default"),
        "database": (database, "BACKSCROLL_DATABASE"),
        "database_read": ("not set", "default"),
        "embeddings_key": ("not set", "default"),
        "embeddings_model": ("not set", "default"),
        "embeddings_url": ("not set", "default"),
        "index": ("text", "default"),
        "keep_days": ("not set", "default"),
        "sources": ("not set", "default"),
        "sync_quiet_s": ("600.0", "default"),
        "toolsets": ("messages", "default"),
        "read_only": ("true", "BACKSCROLL_READ_ONLY"),
        "result_chars": ("32000", "default"),
        "output": ("text", "--output"),
        "deadline_s": ("60.0", "default"),
        "quick_start": ("true", "default"),
        "reply_bytes": ("8388608", "default"),
        "log_level": ("warning", "default"),
        "log_format": ("text", "default"),
    }


def test_the_variables_of_openai_s_own_client_are_named_where_they_count() -> None:
    environ = {
        "BACKSCROLL_UPSTREAM": "openai",
        "OPENAI_API_KEY": KEY,
        "OPENAI_PROJECT_ID": "proj_1",
        "BACKSCROLL_PROJECT": "proj_2",
    }

    assert sources({}, environ) == {
        "upstream": "BACKSCROLL_UPSTREAM",
        "api_key": "OPENAI_API_KEY",
        "project": "BACKSCROLL_PROJECT",
    }
    assert load({}, environ).project == "proj_2"


async def test_what_is_set_and_has_no_effect_is_noted(tmp_path: Path) -> None:
    environ = made(database=f"sqlite:///{tmp_path / 'store.db'}", serves="threads", api_key=KEY) | {
        "OPENAI_API_KEY": KEY
    }

    diagnosis = await diagnosis_of(environ)

    assert diagnosis.notes == (
        "OPENAI_API_KEY is set but not used: only BACKSCROLL_UPSTREAM=openai uses it.",
        "BACKSCROLL_API_KEY is set but not used: the store needs no key.",
        "BACKSCROLL_SERVES is set but not used: only BACKSCROLL_UPSTREAM=compatible uses it.",
    )
    assert_keeps_the_key(diagnosis)


async def test_a_proxy_on_the_way_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(answering({"/": Response("{}")})) as url:
        environ = made(upstream="compatible", base_url=url) | {"HTTP_PROXY": f"http://u:{KEY}@p"}
        diagnosis = await diagnosis_of(environ)

    assert diagnosis.notes == (
        "Requests use the proxy in HTTP_PROXY, unless NO_PROXY lists the host.",
    )
    assert_keeps_the_key(diagnosis)


async def test_the_text_fits_eighty_columns_and_has_no_colours() -> None:
    async with served(answering({"/": Response(NOT_FOUND, 404)})) as url:
        diagnosis = await diagnosis_of(
            made(upstream="compatible", base_url=url, database="sqlite:////x.db", api_key=KEY)
        )

    lines = as_text(diagnosis, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in as_text(diagnosis, 80)
    assert f"  api_key               set, {len(KEY)} characters  (BACKSCROLL_API_KEY)" in lines
    not_served = re.compile(r"  -     threads               is not served \(\d+ ms\)")
    assert len(list(filter(not_served.fullmatch, lines))) == 1


async def test_on_a_narrow_terminal_details_have_lines_of_their_own(tmp_path: Path) -> None:
    async with served(answering({"/": Response(NOT_FOUND, 404)})) as url:
        diagnosis = await diagnosis_of(
            made(upstream="compatible", base_url=url, database=f"sqlite:///{tmp_path / 'x.db'}")
        )

    lines = as_text(diagnosis, 40).splitlines()
    assert "  -     threads" in lines
    assert lines[lines.index("  -     threads") + 1].startswith("        is not served (")
    assert "  serves" in lines
    assert "        threads,conversations,chat_completions,responses" in lines
    long = [line.strip() for line in lines if len(line) > 40 and line.startswith("    ")]
    assert all(" " not in line for line in long)  # a long word is not broken
    assert len(lines) < 2 * len(as_text(diagnosis, 80).splitlines())


def test_a_script_learns_from_the_exit_code_what_a_person_reads(tmp_path: Path) -> None:
    well = run(database=f"sqlite:///{tmp_path / 'store.db'}")
    wrong = run(database=f"sqlite:///{tmp_path}")
    unreadable = run(upstream="openai")

    assert (well.exit_code, well.stdout.splitlines()[-1], well.stderr) == (0, "No problems.", "")
    assert (wrong.exit_code, wrong.stderr) == (1, "")
    total = len(NAMES)
    assert wrong.stdout.splitlines()[-1] == (
        f"Failed checks: 1. Tools that will not work: {total} of {total}."
    )
    assert (unreadable.exit_code, unreadable.stdout) == (2, "")
    assert unreadable.stderr == (
        "backscroll: BACKSCROLL_API_KEY (or OPENAI_API_KEY) is needed for the upstream openai.\n"
    )


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("toolsets", [("messages",), ("all",), ("other",)])
def test_what_it_calls_offered_is_what_the_server_offers(
    profile: Any,  # noqa: ANN401 - parametrized
    toolsets: tuple[str, ...],
    *,
    read_only: bool,
) -> None:
    settings = Settings(toolsets=toolsets, read_only=read_only)

    told = fitness_of_all(settings, profile, {})

    assert [tool.name for tool in told if tool.fitness != "withheld"] == [
        tool.name for tool in offered(TOOLS, settings, profile)
    ]


@pytest.mark.parametrize(
    ("settings", "unneeded"),
    [
        ({}, {"files", "vector_stores", "fine_tuning", "batches", "models", "organization"}),
        ({"toolsets": ("messages", "files")}, {"fine_tuning", "batches", "models", "organization"}),
        ({"toolsets": ("all",)}, {"organization"}),
        ({"toolsets": ("all",), "admin_key": KEY}, set()),
    ],
)
def test_endpoints_that_no_offered_tool_needs_are_not_asked(
    settings: dict[str, Any], unneeded: set[str]
) -> None:
    found = unneeded_groups(Settings(upstream="openai", api_key=KEY, **settings), OPENAI)

    assert {group.name for group in found & OPENAI.serves} == unneeded
