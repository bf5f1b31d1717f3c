"""Bearer tokens: each admits its caller, within its scopes, as long as it is valid."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner

from backscroll.cli import commands
from backscroll.commands.token.issuing import issue, listed, new_token, revoke
from backscroll.database.opening import open_database
from backscroll.database.tokens import digest
from backscroll.http.auth.callers import Caller
from backscroll.http.auth.token_callers import KEPT_S, TokenCallers
from backscroll.http.refusals import RefusedError
from backscroll.process.exits import CommandError
from backscroll.settings.model import TOOLSETS
from tests.http.serving import ERAS, call, post, refusal_of, running, settings_of, text_of
from tests.inventory import READERS

DAY_S = 86_400


async def test_a_caller_with_a_token_reads_and_writes(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token()
        written = await call(server.url, "create-message", token, role="user", content="Hi")
        thread_id = written["structuredContent"]["thread_id"]
        read = await call(server.url, "list-messages", token, thread_id=thread_id)

    assert [message["text"] for message in read["structuredContent"]["messages"]] == ["Hi"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_caller_without_a_valid_token_is_refused(era: str, tmp_path: Path) -> None:
    unknown = "The token is unknown, has expired or was revoked."
    sentences = {
        "": "A bearer token is required.",
        "Basic YTpi": "A bearer token is required.",
        "Bearer nonsense": unknown,
        f"Bearer bks_{'A' * 43}": unknown,
    }
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        for sent, sentence in sentences.items():
            response = await post(server.url, era=era, more={"authorization": sent} if sent else {})
            error = f' error="invalid_token", error_description="{sentence}"' if sent else ""
            assert refusal_of(response) == (401, sentence)
            assert response.headers["www-authenticate"] == f"Bearer{error}"


async def test_a_token_without_write_is_offered_no_tool_that_writes(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token(scopes="read")
        listing = await post(server.url, token=token)
        refused = await call(server.url, "create-message", token, role="user", content="Hi")

    names = [tool["name"] for tool in listing.json()["result"]["tools"]]
    assert names == READERS
    assert listing.json()["result"]["cacheScope"] == "private"
    assert text_of(refused).startswith("read_only: This server is read-only.")


async def test_a_token_without_read_is_told_which_scope_it_lacks(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        response = await post(server.url, token=await server.token(scopes="write"))

    assert refusal_of(response) == (403, "The token lacks the scope read.")
    assert response.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", '
        'error_description="The token lacks the scope read.", scope="read"'
    )


async def test_a_revoked_token_is_accepted_for_at_most_two_more_seconds(
    tmp_path: Path,
) -> None:
    assert KEPT_S == 2.0  # in place of which nothing is kept here
    async with running(settings_of(tmp_path, http_auth="token"), token_kept_s=0.0) as server:
        token = await server.token("ada")
        before = await post(server.url, token=token)
        revoked = await revoke(server.settings.database_url, "ada")
        after = await post(server.url, token=token)

    assert before.status_code == 200
    assert len(revoked) == 1
    assert after.status_code == 401


async def test_a_token_is_accepted_until_it_expires(tmp_path: Path) -> None:
    url = settings_of(tmp_path).database_url
    token = new_token("ada", expires="1d", toolsets="messages", partition="a", key_variable="A_KEY")
    secret = await issue(url, token)
    now = [float(token.created_at)]
    async with open_database(url, "tokens") as database:
        callers = TokenCallers(database, lambda: now[0])
        caller = await callers.caller(f"Bearer {secret}")
        now[0] += DAY_S - 1
        assert await callers.caller(f"bearer {secret}") == caller
        now[0] += 1
        with pytest.raises(RefusedError) as refused:
            await callers.caller(f"Bearer {secret}")

    assert caller == Caller(
        token.id, "ada", toolsets=("messages",), partition="a", key_variable="A_KEY"
    )
    assert refused.value.status == 401


async def test_with_an_upstream_elsewhere_the_database_holds_tokens_and_nothing_of_the_store(
    tmp_path: Path,
) -> None:
    settings = settings_of(
        tmp_path, http_auth="token", upstream="openai", api_key="sk-operator", log_level="error"
    )
    at = ["--database", settings.database]
    made = await anyio.to_thread.run_sync(
        CliRunner().invoke, commands, ["token", "create", "ada", *at]
    )
    async with running(settings) as server:
        listing = await post(server.url, token=made.stdout.strip())
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()

    assert listing.status_code == 200
    assert sorted(name for (name,) in names) == ["backscroll_schema", "tokens"]


async def test_nothing_in_the_database_can_be_used_as_a_token(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_auth="token")
    async with running(settings) as server:
        secret = await server.token()
        with closing(sqlite3.connect(tmp_path / "store.db")) as database:
            (row,) = database.execute("SELECT * FROM tokens")
        responses = [
            await post(server.url, token=str(value)) for value in row if isinstance(value, str)
        ]

    assert digest(secret) in row
    assert not any(secret[4:] in str(value) for value in row)
    assert {response.status_code for response in responses} == {401}


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        (
            "a b",
            {},
            "a token's name must be 1 to 64 letters, digits, '_', '.', '@' or '-', not 'a b'",
        ),
        (
            "a",
            {"scopes": "owner"},
            "--scopes must be a comma-separated list of read, write, admin, not 'owner'",
        ),
        ("a", {"expires": "soon"}, "--expires must be like 12h, 90d or 1y, or never, not 'soon'"),
        *(
            (
                "a",
                {"expires": far},
                f"--expires must be at most 100y, not {far}; use never for no limit",
            )
            for far in ("9999y", "101y", "36501d", "876001h", "999999d")
        ),
        (
            "a",
            {"partition": "a b"},
            "--partition must be 1 to 128 letters, digits, '_', '.', '=' or '-', not 'a b'",
        ),
        (
            "a",
            {"key_variable": "sk-12"},
            "--upstream-key-variable must be the NAME of an environment variable, not the key",
        ),
        (
            "a",
            {"toolsets": "x"},
            f"--toolsets must be a comma-separated list of {', '.join(TOOLSETS)}, not 'x'",
        ),
    ],
)
def test_an_impossible_token_is_refused_in_one_line(
    name: str, options: dict[str, str], line: str
) -> None:
    with pytest.raises(CommandError) as refused:
        new_token(name, **options)

    assert str(refused.value) == line


def test_an_operator_creates_lists_and_revokes_a_token(tmp_path: Path) -> None:
    at = ["--database", f"sqlite:///{tmp_path / 'store.db'}"]
    run = CliRunner().invoke

    made = run(commands, ["token", "create", "ada", "--scopes", "read,write", *at])
    shown = run(commands, ["token", "list", *at])
    listed_json = run(commands, ["token", "list", "--json", *at])
    revoked = run(commands, ["token", "revoke", "ada", *at])
    again = run(commands, ["token", "revoke", "ada", *at])
    left = run(commands, ["token", "list", *at])

    secret = made.stdout.strip()
    (row,) = map(json.loads, listed_json.stdout.splitlines())
    assert made.exit_code == shown.exit_code == revoked.exit_code == left.exit_code == 0
    assert secret.startswith("bks_")
    assert secret not in made.stderr + shown.output + listed_json.output
    assert row["id"] in made.stderr
    assert (row["name"], row["scopes"], row["toolsets"]) == ("ada", ["read", "write"], ["all"])
    assert row["expires_at"] - row["created_at"] == 90 * DAY_S
    assert "read,write  toolsets=all" in shown.stdout
    assert revoked.stdout == f"{row['id']} revoked\n"
    assert (again.exit_code, again.stderr) == (
        1,
        "backscroll: no valid token is named ada\n",
    )
    assert left.stdout.strip().endswith("revoked")


def test_a_refused_command_writes_no_token(tmp_path: Path) -> None:
    at = ["--database", f"sqlite:///{tmp_path / 'store.db'}"]
    run = CliRunner().invoke

    refused = run(commands, ["token", "create", "ada", "--expires", "9999y", *at])
    kept = run(commands, ["token", "create", "bob", "--expires", "100y", *at])
    shown = run(commands, ["token", "list", *at])

    assert (refused.exit_code, kept.exit_code, shown.exit_code) == (2, 0, 0)
    assert [line.split()[1] for line in shown.stdout.splitlines()] == ["bob"]


STORED: dict[str, list[object]] = {
    "expires_at": [10**11, 2**62, -(2**63), -1, 0, "soon", b"x", 1.5],
    "revoked_at": [10**17, -(2**63), 0, "x"],
    "created_at": [2**63 - 1, -(2**63), "x"],
    "scopes": [None, "[]", "{}", "1", '"read"', "[1, null, {}]", "null"],
    "toolsets": [None, "[]", "7", '[["a"]]'],
    "name": ["", "\x1b[2J", "\u202e", "a\nb", "x" * 10_000],
    "partition": ["\x00", "é"],
    "upstream_key_variable": ["", "\x9b", "x y"],
}


@pytest.mark.parametrize("column", STORED)
def test_tokens_are_listed_and_checked_without_failure_whatever_is_stored(
    column: str, tmp_path: Path
) -> None:
    at = ["--database", f"sqlite:///{tmp_path / 'store.db'}"]
    url = settings_of(tmp_path).database_url
    secret = anyio.run(issue, url, new_token("ada"))
    statuses: set[int] = set()

    async def ask() -> None:
        async with open_database(url, "tokens") as opened:
            try:
                await TokenCallers(opened).caller(f"Bearer {secret}")
            except RefusedError as refused:
                statuses.add(refused.status)

    for value in STORED[column]:
        with closing(sqlite3.connect(tmp_path / "store.db")) as database:
            database.execute(f"UPDATE tokens SET {column} = ?", (value,))  # noqa: S608 - the name is a constant
            database.commit()
        shown = CliRunner().invoke(commands, ["token", "list", *at])
        as_json = CliRunner().invoke(commands, ["token", "list", "--json", *at])
        anyio.run(ask)

        assert (shown.exit_code, as_json.exit_code) == (0, 0), value
        assert shown.stdout.count("\n") <= 2
        assert not set(shown.stdout) & set("\x1b\x00\x9b\u202e")
        assert json.loads(as_json.stdout)["id"]

    assert statuses <= {401, 403}


async def test_tokens_are_listed_in_the_order_of_creation(database_url: str) -> None:
    url = database_url
    made = [new_token(name, expires="never") for name in ("b", "a")]
    for token in made:
        await issue(url, token)

    assert sorted(await listed(url), key=lambda token: token.id) == sorted(
        made, key=lambda token: token.id
    )
