"""Every command in a fenced block runs; what no test can run is named here, with the reason."""

import importlib.util
import os
import re
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from backscroll.cli import commands
from backscroll.settings.installation import requirement
from backscroll.settings.loading import load
from backscroll.settings.model import PREFIX
from tests.house.documents import ROOT, Document, every

LINE: Final = '{"messages": [{"role": "user", "content": "Hello"}]}\n'
VARIABLES: Final = re.compile(r"(?:[A-Z_]+=\S*\s*)*")
WITH_COMMANDS: Final = [document for document in every() if list(document.shell())]


def parsed(words: list[str]) -> None:
    """Hold a command that serves for ever to its options and to the rules of the settings."""
    command = commands.commands[words[1]]
    context = command.make_context(words[1], words[2:])
    flags = {
        str(option.name): str(context.params[str(option.name)])
        for option in command.params
        if f"{PREFIX}{str(option.name).upper()}]" in (getattr(option, "help", None) or "")
        and context.params[str(option.name)] is not None
    }
    load(flags, environ={})


def is_target(words: list[str]) -> None:
    """Look a command of `make` up: each sets an environment up, or runs this test."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)


def is_there(words: list[str]) -> None:
    """Look up what Python is to run: it would write into this repository."""
    module, *paths = words[2:]
    assert importlib.util.find_spec(module) is not None
    assert [path for path in paths if not (ROOT / path).exists()] == []


def named(words: list[str]) -> None:
    """Leave an installation alone, which needs a registry: the names are in pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert [name for name in words[2:] if name.partition("[")[0] not in project] == []


def sourced(words: list[str]) -> None:
    """Hold an installation by another program to the one place that names the package."""
    assert words[-1] == requirement()


def contained(words: list[str]) -> None:
    """Hold what Docker is to do, which needs its daemon, to the command of ours at its end."""
    ours = [at for at, word in enumerate(words) if word == "backscroll"]
    if ours:
        group = commands.commands[words[ours[-1] + 1]]
        assert isinstance(group, click.Group)
        command = group.commands[words[ours[-1] + 2]]
        command.make_context(command.name, words[ours[-1] + 3 :])


def exported(words: list[str]) -> None:
    """Look up the file that a variable of the shell names."""
    name, _, value = words[1].partition("=")
    assert name != "COMPOSE_FILE" or (ROOT / value).is_file()


UNRUN: Final[dict[str, Callable[[list[str]], None]]] = {
    "backscroll serve": parsed,
    "backscroll store": parsed,
    "make": is_target,
    ".venv/bin/python -m": is_there,
    "pip install": named,
    "pipx install": sourced,
    "uv tool install": sourced,
    "docker": contained,
    "export": exported,
}


def ran(words: list[str], folder: Path) -> Result:
    """Run a command of ours in a folder that is its home, and say yes to what it asks."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith(PREFIX))
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    return CliRunner().invoke(
        commands,
        [re.sub(r"\A~(?=/)", str(folder), word) for word in words[1:]],
        input="y\n",
        env={**unset, **home},
        prog_name=words[0],
    )


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=str)
def test_every_command_in_a_fenced_block_runs(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conversations.jsonl").write_text(LINE, "utf-8")
    (tmp_path / "Downloads").mkdir()
    with zipfile.ZipFile(tmp_path / "Downloads" / "chatgpt-export.zip", "w") as archive:
        archive.writestr("conversations.jsonl", LINE)
    for line in document.shell():
        line = VARIABLES.sub("", line, count=1)  # noqa: PLW2901 - what is left of it
        if not line:
            continue  # variables alone: test_documents and test_upstreams hold them to the settings
        words = shlex.split(line)
        check = next((UNRUN[start] for start in UNRUN if line.startswith(start)), None)
        if check is not None:
            check(words)
            continue
        assert words[0] == "backscroll", f"nothing says how to try {line}"
        done = ran(words, tmp_path)
        assert done.exit_code == 0, (line, done.stdout, done.stderr)


def test_an_example_with_an_option_that_does_not_exist_is_found() -> None:
    with pytest.raises(click.NoSuchOption):
        parsed(shlex.split("backscroll serve --transprot http"))


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_the_examples_of_a_command_name_what_exists(name: str) -> None:
    epilog = commands.commands[name].epilog or ""
    for line in re.findall(r"^backscroll [^|&#\\\n]+", epilog, re.MULTILINE):
        words = shlex.split(line)
        command = commands.commands[words[1]]
        if isinstance(command, click.Group):
            command, words = command.commands[words[2]], words[1:]
        command.make_context(words[1], words[2:])
