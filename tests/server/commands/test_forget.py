"""`backscroll forget`, as it is typed."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from click.testing import CliRunner, Result

from backscroll.cli import commands
from backscroll.store.app import open_store
from backscroll.store.large_deletion import AT_ONCE
from tests.store.replicas import client_of

LINES: Final[list[dict[str, Any]]] = [
    {
        "object": "conversation",
        "id": f"conv_{name}",
        "key": f"chatgpt:{name}",
        "created_at": created_at,
        "metadata": {"title": f"About {name}", "source": "chatgpt", "project": "/srv/shop"},
        "items": [{"role": "user", "content": name, "created_at": created_at}],
    }
    for name, created_at in (("tea", 1_700_000_000), ("coffee", 1_600_000_000))
]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def file(tmp_path: Path, database: str) -> str:
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    assert run("import", str(path), "--database", database).exit_code == 0
    return str(path)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(commands, arguments, input=stdin)


def test_what_is_forgotten_is_shown_asked_for_and_stays_forgotten(database: str, file: str) -> None:
    done = run("forget", "conv_tea", "--database", database, stdin="y\n")
    assert done.exit_code == 0
    assert done.stdout == (
        "2023-11-14 22:13  conv_tea  About tea\n"
        "1 conversation; 1 message\n"
        "\n"
        "Erase it for good? [y/N]: y\n"
        "Erased 1 for good.\n"
    )
    again = run("import", file, "--database", database)
    assert again.stdout == (
        "0 imported, 1 already there, 1 deleted or forgotten before, 0 refused\n"
    )
    exported = run("export", "--database", database).stdout
    assert [json.loads(line)["id"] for line in exported.splitlines()] == ["conv_coffee"]
    gone = run("forget", "conv_tea", "--database", database)
    assert (gone.exit_code, gone.stdout) == (1, "Nothing to forget.\n")
    assert gone.stderr == "backscroll: conv_tea is not in the store\n"


def test_what_an_interrupted_deletion_has_left_is_erased(tmp_path: Path, database: str) -> None:
    line = {**LINES[0], "items": LINES[0]["items"] * (AT_ONCE + 1)}
    path = tmp_path / "large.jsonl"
    path.write_text(json.dumps(line), encoding="utf-8")
    assert run("import", str(path), "--database", database).exit_code == 0

    async def delete() -> None:
        async with open_store(database, erasing_s=0) as store, client_of(store) as api:
            assert (await api.delete("/conversations/conv_tea")).is_success

    anyio.run(delete)
    assert left(tmp_path) > 0
    gone = run("forget", "conv_tea", "--database", database)
    assert (gone.exit_code, gone.stdout) == (1, "Nothing to forget.\n")
    assert left(tmp_path) == 0


def left(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        [count] = connection.execute("SELECT count(*) FROM items").fetchone()
    return int(count)


@pytest.mark.usefixtures("file")
def test_nothing_is_erased_without_agreement(database: str) -> None:
    chosen = ("forget", "--source", "chatgpt", "--project", "/srv/shop", "--database", database)
    declined = run(*chosen, stdin="n\n")
    assert declined.exit_code == 1
    assert declined.stdout == (
        "2023-11-14 22:13  conv_tea  About tea\n"
        "2020-09-13 12:26  conv_coffee  About coffee\n"
        "2 conversations; 2 messages\n"
        "\n"
        "Erase all 2 for good? [y/N]: n\n"
    )
    unasked = run(*chosen, stdin="")
    assert unasked.exit_code == 2
    assert "nothing was erased: add --yes to agree without being asked" in unasked.stderr
    assert run("forget", "--before", "2021", "--yes", "--database", database).exit_code == 0
    exported = run("export", "--database", database).stdout
    assert [json.loads(line)["id"] for line in exported.splitlines()] == ["conv_tea"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name what to forget: ids, --source, --project or --before"),
        (("--before", "soon"), "--before 'soon' is not a date, a time or an age"),
    ],
)
def test_a_command_that_selects_nothing_is_explained(
    arguments: tuple[str, ...], said: str, database: str
) -> None:
    result = run("forget", *arguments, "--database", database)
    assert result.exit_code != 0
    assert said in result.stderr


def test_a_long_list_is_cut_and_counted(tmp_path: Path, database: str) -> None:
    path = tmp_path / "many.jsonl"
    lines = [{**LINES[0], "id": f"conv_{at}", "key": str(at)} for at in range(25)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert run("import", str(path), "--database", database).exit_code == 0
    shown = run("forget", "--source", "chatgpt", "--yes", "--database", database).stdout
    assert shown.splitlines()[20:] == [
        "and 5 more",
        "25 conversations; 25 messages",
        "Erased 25 for good.",
    ]


@pytest.mark.usefixtures("file")
def test_what_is_from_subfolders_is_counted(tmp_path: Path, database: str) -> None:
    path = tmp_path / "below.jsonl"
    metadata = {"source": "chatgpt", "project": "/srv/shop/till"}
    below = {**LINES[0], "id": "conv_below", "key": "below", "metadata": metadata}
    path.write_text(json.dumps(below), encoding="utf-8")
    assert run("import", str(path), "--database", database).exit_code == 0
    shown = run("forget", "--project", "/srv/shop/", "--yes", "--database", database).stdout
    assert shown.splitlines()[3:] == [
        "3 conversations; 3 messages",
        "1 of them from subfolders of /srv/shop",
        "Erased 3 for good.",
    ]


def test_sub_agents_and_forks_that_stay_are_named(tmp_path: Path, database: str) -> None:
    parents = {"a": "", "b": "a", "c": "b", "d": "other", "e": "a"}
    keys = {**{name: f"codex:{name}" for name in parents}, "e": "chatgpt:e"}
    lines = [
        {
            **LINES[0],
            "id": f"conv_{name}",
            "key": keys[name],
            "metadata": {"source": "codex", "parent": parent},
        }
        for name, parent in parents.items()
    ]
    path = tmp_path / "family.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert run("import", str(path), "--database", database).exit_code == 0
    unasked = run("forget", "conv_a", "--database", database, stdin="")
    assert unasked.stdout.splitlines()[1:3] == [
        "1 conversation; 1 message",
        "2 sub-agents or forks are not selected and stay; to forget them too, add: conv_b conv_c",
    ]
    by_option = run("forget", "conv_a", "conv_b", "--source", "codex", "--database", database)
    assert by_option.stdout.splitlines()[3] == (
        "1 sub-agent or fork is not selected and stays; to forget it too, "
        "run backscroll forget with conv_c"
    )
    assert "stay" not in run("forget", "conv_b", "conv_c", "--database", database).stdout
    done = run("forget", "conv_a", "--yes", "--database", database)
    assert done.stdout.splitlines()[2:] == [
        "2 sub-agents or forks are not selected and stay; to forget them too, add: conv_b conv_c",
        "Erased 1 for good.",
    ]
