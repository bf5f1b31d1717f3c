"""A file's path and SQLite's URL of it: there and back, whatever characters the path has."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backscroll as backscroll_package
from backscroll.commands.doctor.diagnosis import ShownSetting
from backscroll.commands.doctor.settings_report import shown_settings
from backscroll.database.faults import StoreError
from backscroll.database.opening import open_database
from backscroll.settings.loading import load, sources
from backscroll.settings.paths import absolute_database, sqlite_path, sqlite_url
from tests.server.command_line import backscroll

NAMES = st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."}
)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_the_url_of_a_path_names_that_path(parts: list[str]) -> None:
    path = Path("/", *parts)
    url = sqlite_url(path)
    assert sqlite_path(url) == path
    assert absolute_database(url, Path.cwd) == url


@given(st.text(max_size=40))
def test_any_text_is_a_file_or_memory_or_refused(text: str) -> None:
    for url in (text, f"sqlite://{text}", f"sqlite:///{text}"):
        try:
            path = sqlite_path(url)
        except ValueError:
            continue
        assert path is None or str(path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////srv/a%20b.db", "/srv/a b.db"),
        ("sqlite:////srv/a b.db", "/srv/a b.db"),
        ("sqlite:////srv/a%2525.db", "/srv/a%25.db"),
        ("sqlite:////srv/100%.db", "/srv/100%.db"),
        ("sqlite:////srv/a%3Fb.db", "/srv/a?b.db"),
        ("sqlite:////srv/a#b.db", "/srv/a#b.db"),
        ("sqlite:////srv/%7E/b.db", "/srv/~/b.db"),
        ("sqlite:////srv/%FF.db", "/srv/\udcff.db"),
        ("sqlite:///b.db", "b.db"),
    ],
)
def test_a_url_s_escapes_are_decoded_once(url: str, path: str) -> None:
    assert str(sqlite_path(url)) == path


@pytest.mark.parametrize(
    "url", ["sqlite:///~/x.db", "sqlite:////a/~/x.db", "sqlite:///a%00.db", "sqlite:///a?b=c"]
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="does not name a file"):
        sqlite_path(url)


@pytest.mark.parametrize(
    "name", ["a?b", "a#b", "a%b", "a%41b", "a%2541b", "a b", "a@b", "~a", "$a"]
)
def test_the_store_is_in_the_home_folder_whatever_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / name
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    for database in ("", "~/own.db", "sqlite:///~/own.db"):
        written = backscroll(database, "call", "create-message", "role=user", "content=Hi")
        assert (written.exit_code, written.stderr) == (0, "")

    assert list(tmp_path.iterdir()) == [home]
    written_to = (".local/share/backscroll/backscroll.db", "own.db")
    assert [(home / path).is_file() for path in written_to] == [True, True]


def test_doctor_says_where_the_data_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    data = tmp_path / ".local" / "share" / "backscroll"

    for database, path, source in (
        ("", data / "backscroll.db", "default"),
        ("sqlite:///a.db", data / "a.db", "BACKSCROLL_DATABASE"),
        ("~/a.db", tmp_path / "a.db", "BACKSCROLL_DATABASE"),
    ):
        settings = load({}, {"BACKSCROLL_DATABASE": database})
        shown = shown_settings(settings, sources({}, {"BACKSCROLL_DATABASE": database}))
        assert ShownSetting("database", f"sqlite:///{path}", source) in shown


def test_nothing_puts_a_path_into_a_sqlite_url_without_encoding_it() -> None:
    package = Path(backscroll_package.__file__).parent
    raw = [
        f"{source.relative_to(package)}: {line.strip()}"
        for source in package.rglob("*.py")
        for line in source.read_text().splitlines()
        if "sqlite:///{" in line or re.search(r"sqlite:///?[\"'] *[+%]", line)
    ]
    assert raw == []


async def test_a_question_mark_in_a_url_is_refused_with_what_to_write() -> None:
    with pytest.raises(
        StoreError, match=r"write \? in the path as %3F, or set only the path, without sqlite:///$"
    ):
        async with open_database("sqlite:////nowhere/a?b.db", "store"):
            raise AssertionError
