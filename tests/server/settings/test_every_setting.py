"""One rule for every setting: what is empty is unset, and what is unresolved is refused.

The tests go through the fields of `Settings`, so a new setting is covered without being named here.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from backscroll.settings.loading import load, sources
from backscroll.settings.model import OPENAI, PREFIX, Settings
from backscroll.settings.parsing import SettingsError
from backscroll.settings.paths import sqlite_path
from backscroll.settings.variables import flag_of

NAMES: Final = tuple(item.name for item in dataclasses.fields(Settings))
METADATA: Final = {item.name: item.metadata for item in dataclasses.fields(Settings)}
FILES: Final = tuple(name for name in NAMES if "resolve" in METADATA[name])
"""The settings that name a file, and so may begin with a `~`."""

UNRESOLVED: Final = (
    "contains an unresolved variable, such as $HOME or ${input:key}: replace it with its value."
)
ELSEWHERE: Final = (
    "contains a ~ that is not a home folder: use ~ only at the start of a file's path, as "
    "~/ or ~user/."
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home folder, with the user's data folder at its usual place, and work elsewhere."""
    home = tmp_path / "home"
    home.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.chdir(elsewhere)
    return home


def variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def refusal(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(flags or {}, environ)
    return str(refused.value)


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_or_blank_setting_is_unset(name: str, text: str) -> None:
    assert load({}, {variable(name): text}) == load({}, {})
    assert sources({}, {variable(name): text}) == {}


@pytest.mark.parametrize("text", ["", " "])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_or_blank_option_leaves_the_setting_to_the_environment(
    name: str, text: str
) -> None:
    assert load({name: text}, {}) == load({}, {})
    assert sources({name: text}, {variable(name): text}) == {}
    environ = {PREFIX + "READ_ONLY": "true", PREFIX + "QUICK_START": "false"}
    assert load({name: text}, environ) == load({}, environ)


@pytest.mark.parametrize("text", ["", " ", "\n"])
@pytest.mark.parametrize("name", OPENAI)
def test_an_empty_or_blank_variable_of_openai_s_own_client_is_unset(name: str, text: str) -> None:
    environ = {variable("upstream"): "openai", variable("api_key"): "sk-own"}
    assert load({}, environ | {OPENAI[name]: text}) == load({}, environ)


@pytest.mark.parametrize("text", ["", " "])
@pytest.mark.parametrize("name", OPENAI)
def test_an_empty_or_blank_variable_leaves_the_setting_to_openai_s_own(
    name: str, text: str
) -> None:
    theirs = {"OPENAI_API_KEY": "sk-own", OPENAI[name]: "https://own.example"}
    environ = {variable("upstream"): "openai", **theirs}
    assert load({}, environ | {variable(name): text}) == load({}, environ)
    assert sources({}, environ | {variable(name): text})[name] == OPENAI[name]


@pytest.mark.parametrize(
    "text", ["${HOME}", "${input:key}", "${workspaceFolder}", "a-${X}-b", "$HOME"]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_variable_that_nothing_has_resolved_is_refused_and_not_repeated(
    name: str, text: str
) -> None:
    assert refusal({variable(name): text}) == f"{variable(name)} {UNRESOLVED}"
    assert refusal({}, {name: text}) == f"{flag_of(name)} {UNRESOLVED}"


@pytest.mark.parametrize("text", ["$HOME/x", "/srv/$USER/x.db", "sqlite:///$HOME/x.db", "a$"])
@pytest.mark.parametrize("name", [name for name in NAMES if "secret" not in METADATA[name]])
def test_a_dollar_is_refused_in_every_setting_that_is_no_secret(name: str, text: str) -> None:
    assert refusal({variable(name): text}) == f"{variable(name)} {UNRESOLVED}"


@pytest.mark.parametrize("name", OPENAI)
def test_an_unresolved_variable_of_openai_s_own_client_is_refused(name: str) -> None:
    environ = {variable("upstream"): "openai", "OPENAI_API_KEY": "sk-own", OPENAI[name]: "${X}"}
    assert refusal(environ) == f"{OPENAI[name]} {UNRESOLVED}"


@pytest.mark.parametrize("key", ["a$b", "$", "pa$$word", "x~y", "~x", "Q~8$end", "${"])
def test_a_key_may_hold_dollars_and_tildes(key: str) -> None:
    assert load({}, {variable("api_key"): key}).api_key == key


@pytest.mark.parametrize("text", ["~", "~/x"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in FILES])
def test_a_tilde_is_refused_where_no_file_is_named(name: str, text: str) -> None:
    assert refusal({variable(name): text}) == f"{variable(name)} {ELSEWHERE}"


def test_a_tilde_inside_an_address_is_part_of_it() -> None:
    url = "https://a.example/~ada/v1"
    assert load({}, {variable("base_url"): url}).base_url == url


@pytest.mark.parametrize("name", ["allowed_hosts", "allowed_origins"])
def test_a_tilde_is_refused_at_any_place_of_a_list(name: str) -> None:
    assert refusal({variable(name): "a.example, ~/x"}) == f"{variable(name)} {ELSEWHERE}"


def path_of(name: str, settings: Settings) -> str:
    """Return the path of a setting that names a file."""
    text: str = getattr(settings, name)
    return str(sqlite_path(text)) if name == "database" else text


@pytest.mark.parametrize("name", FILES)
def test_a_leading_tilde_is_the_home_folder_wherever_it_was_set(name: str, home: Path) -> None:
    for settings in (load({}, {variable(name): "~/a/x.db"}), load({name: "~/a/x.db"}, {})):
        assert path_of(name, settings) == str(home / "a" / "x.db")


@pytest.mark.parametrize("text", ["~no-such-user/x", "/srv/~/x", "/srv/~ada/x", "a/~"])
@pytest.mark.parametrize("name", FILES)
def test_a_tilde_that_stands_for_no_home_folder_is_refused(name: str, text: str) -> None:
    prefix = "sqlite:///" if name == "database" else ""
    assert refusal({variable(name): prefix + text}) == f"{variable(name)} {ELSEWHERE}"


@pytest.mark.parametrize("name", FILES)
def test_a_tilde_at_the_end_of_a_name_is_part_of_it(name: str) -> None:
    path = "/srv/PROGRA~1/x~"
    assert path_of(name, load({}, {variable(name): path})) == path


@pytest.mark.parametrize("name", FILES)
def test_a_relative_path_is_in_the_data_folder_or_for_an_option_where_the_person_is(
    name: str, home: Path
) -> None:
    text = "sqlite:///a/x.db" if name == "database" else "a/x.db"

    in_data = home / ".local" / "share" / "backscroll" / "a" / "x.db"
    assert path_of(name, load({}, {variable(name): text})) == str(in_data)
    assert path_of(name, load({name: text}, {})) == str(Path.cwd() / "a" / "x.db")


@pytest.mark.parametrize("name", FILES)
def test_an_absolute_path_is_taken_as_it_is(name: str) -> None:
    text = "sqlite:////srv/x.db" if name == "database" else "/srv/x.db"
    assert getattr(load({}, {variable(name): text}), name) == text
    assert path_of(name, load({}, {variable(name): "/srv/x.db"})) == "/srv/x.db"


@pytest.mark.parametrize("password", ["p$ss", "$1", "a~b", "pa$$", "~/x", "a@$b", "x$HOME"])
def test_a_password_in_a_url_may_hold_dollars_and_tildes(password: str) -> None:
    for url in (
        f"postgresql://ann:{password}@db.example/talks",
        f"postgresql://db.example/talks?user=ann&password={password}",
    ):
        assert load({}, {variable("database"): url}).database == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:${PASSWORD}@db.example/talks",
        "postgresql://ann:$PASSWORD@db.example/talks",
        "postgresql://db.example/talks?password=${PASSWORD}",
        "postgresql://ann:secret@$HOST/talks",
        "postgresql://ann:secret@db.example/$NAME",
        "postgresql://db.example:5432/$NAME",
        "postgresql://$USER:secret@db.example/talks",
        "${DATABASE_URL}",
    ],
)
def test_a_url_with_an_unresolved_variable_is_refused(url: str) -> None:
    assert refusal({variable("database"): url}) == f"{variable('database')} {UNRESOLVED}"


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_no_path(text: str) -> None:
    assert load({}, {variable("database"): text}).database_url == text


@pytest.mark.parametrize("folder", ["~/data", "data", "$HOME/data"])
def test_a_data_folder_that_is_not_absolute_is_passed_over(
    folder: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", folder)
    database = home / ".local" / "share" / "backscroll" / "backscroll.db"
    assert load({}, {}).database_url == f"sqlite:///{database}"
