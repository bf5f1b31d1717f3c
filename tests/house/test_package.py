"""The package as people install it: into an environment with nothing of the repository in it."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from manifests import licenses, picture
from manifests.description import PROJECT, VERSION
from tests.house import environment
from tests.house.test_picture import shown_in
from tests.inventory import NAMES
from tests.server.command_line import at_terminal

ROOT = Path(__file__).parents[2]
PERMISSIVE = {
    "Apache-2.0",
    "Apache-2.0 AND BSD-2-Clause",
    "Apache-2.0 OR BSD-3-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause AND ISC",
    "MIT",
    "MIT-0",
    "PSF-2.0",
}
CONTROL = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")
TYPED = """
from backscroll.settings.loading import load
from backscroll.settings.model import Settings
from backscroll_tools.plain import plain
reveal_type(load())
reveal_type(plain(""))
"""


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel, built from the source distribution."""
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment in which the wheel is installed."""
    return environment.made(tmp_path_factory.mktemp("installed") / "environment", wheel)


@pytest.fixture(scope="module")
def demonstration(scripts: Path) -> str:
    """What the demonstration prints at a terminal without colour."""
    return at_terminal(
        "sqlite:////dev/null/untouched.db",
        "demo",
        environ={"NO_COLOR": "1", "PYTHONPATH": ""},
        command=(str(scripts / "backscroll"),),
    ).decode()


def test_the_source_distribution_builds_the_wheel_that_the_tree_does(
    wheel: Path, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT],
        capture_output=True,
        check=True,
    )

    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_command_is_there_and_both_packages_are_typed(wheel: Path, scripts: Path) -> None:
    places = environment.run(
        scripts / "python", "-c", "import backscroll; print(*backscroll.__path__)"
    )

    assert environment.run(scripts / "backscroll", "--version") == f"backscroll {VERSION}\n"
    assert environment.run(scripts / "python", "-m", "backscroll", "--version") == (
        f"python -m backscroll {VERSION}\n"
    )
    assert Path(places.strip()).is_relative_to(scripts.parent)
    assert {"backscroll/py.typed", "backscroll_tools/py.typed"} <= set(
        zipfile.ZipFile(wheel).namelist()
    )


def test_a_type_checker_sees_the_types_of_what_is_installed(scripts: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(TYPED)

    seen = environment.run(
        sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental",
        "--cache-dir", tmp_path / "cache",
        "--python-executable", scripts / "python", program,
    )  # fmt: skip

    assert 'Revealed type is "backscroll.settings.model.Settings"' in seen
    assert 'Revealed type is "str"' in seen


def test_the_demonstration_holds_and_needs_no_colour_and_80_columns(demonstration: str) -> None:
    assert COLOUR.search(demonstration) is None
    lines = re.split(r"[\r\n]+", CONTROL.sub("", demonstration))  # a bar is drawn over itself
    assert [line for line in lines if len(line) > 80 or line.startswith("   ✗")] == []
    assert sum(line.startswith("   ✓") for line in lines) == 20
    assert "   ✓ 2,895 of 2,895 messages, each once and verbatim" in lines
    assert [line for line in lines if re.match(r"All 20 checks passed in \d+\.\d s\.$", line)]
    # What is quoted may be cut at the edge; what the demonstration says itself may not.
    said = [line for line in lines if not line.startswith(("   |", "   >"))]
    assert [line for line in said if line.endswith("…")] == []


def test_the_picture_shows_the_scenes_as_they_are_played(demonstration: str) -> None:
    played = shown_in(picture.drawn(demonstration.replace("\r\n", "\n")))
    told = shown_in(picture.PICTURE.read_text("utf-8"))

    assert structure(told) == structure(played)
    assert sum(line.startswith("   ✓") for line in told) >= 2
    assert told[0] == "$ backscroll demo"


def structure(shown: list[str]) -> list[str]:
    """Return titles, calls and claims, without the numbers and ids that differ each time."""
    kept = [line.strip() for line in shown if re.match(r"\d\. |   [>✓]|All ", line)]
    return [re.sub(r"(?:thread|conv|msg)_\w+…|[\d,.]+", "…", line) for line in kept]


def test_what_was_written_is_read_again(scripts: Path, tmp_path: Path) -> None:
    environ = environment.variables(database=f"sqlite:///{tmp_path / 'store.db'}")

    def call(tool: str, *arguments: str) -> Any:  # noqa: ANN401 - JSON, as it was printed
        command: list[str | Path] = [scripts / "backscroll", "call", tool, *arguments, "--json"]
        return json.loads(environment.run(*command, environ=environ))

    created = call("create-message", "role=user", "content=Grüße")
    read = call("list-messages", f"thread_id={created['thread_id']}")

    assert read["messages"] == [{**created["message"], "text": "Grüße"}]


async def test_a_client_is_offered_the_tools(scripts: Path, tmp_path: Path) -> None:
    environ = environment.variables(database=f"sqlite:///{tmp_path / 'store.db'}")
    server = StdioServerParameters(command=str(scripts / "backscroll"), env=environ)

    async with Client(stdio_client(server)) as client:
        offered = [tool.name for tool in (await client.list_tools()).tools]

    assert offered == NAMES


def test_uvx_runs_it_without_installing_it(wheel: Path, tmp_path: Path) -> None:
    # Its dependencies are seen in the environment of the tests: uvx has no network to fetch them.
    none = tmp_path / "none.txt"
    none.write_text("".join(f"{name}; python_version < '3'\n" for name in PROJECT["dependencies"]))
    environ = environment.variables() | {
        "PYTHONPATH": environment.dependencies(),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }

    run = (
        environment.UV, "tool", "run", "--python", sys.executable, "--overrides", none,
        "--from", wheel, "backscroll",
    )  # fmt: skip

    said = environment.run(*run, "--version", environ=environ)
    entry = environment.run(*run, "connect", "cursor", "--print", environ=environ)

    assert said == f"backscroll {VERSION}\n"
    server = json.loads(entry)["mcpServers"]["backscroll"]
    option, source, name = server["args"]
    assert (Path(server["command"]).name, option, name) == ("uvx", "--from", "backscroll")
    assert source.endswith(f" @ {wheel.as_uri()}")


def test_nothing_that_it_needs_is_missing_or_in_conflict(scripts: Path) -> None:
    assert environment.run(scripts / "python", "-m", "pip", "check") == (
        "No broken requirements found.\n"
    )


def test_everything_that_it_brings_may_be_used_by_anybody() -> None:
    brought = licenses.closure(PROJECT["dependencies"])

    assert {name for name in brought if licenses.license_of(name) not in PERMISSIVE} == set()
    assert {"anyio", "pydantic-core", "starlette"} <= brought


def test_a_licence_that_is_not_known_is_not_passed_over() -> None:
    with pytest.raises(LookupError):
        licenses.license_of("no-such-package")
