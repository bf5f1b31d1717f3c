"""The manifests that registries and hosts install from: current, valid, and true."""

import base64
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from backscroll.settings import loading, model
from backscroll.settings.installation import SOURCE, requirement
from backscroll_tools.registry import TOOLS
from manifests.__main__ import main, rendered, stale
from manifests.description import arguments

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
BY_HAND = {"compose.yaml", "mcpb/main.py", "plugin/README.md"}

Variable: TypeAlias = dict[str, Any]


@pytest.fixture
def project() -> dict[str, Any]:
    """The project table of pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


@pytest.fixture
def server() -> dict[str, Any]:
    """The MCP registry's manifest."""
    server: dict[str, Any] = json.loads((ROOT / "manifests" / "server.json").read_text())
    return server


@pytest.fixture
def variables(server: dict[str, Any]) -> list[Variable]:
    """What a host asks its user for, or sets without asking."""
    variables: list[Variable] = server["packages"][0]["environmentVariables"]
    return variables


def test_the_registry_installs_the_version_of_the_package(
    project: dict[str, Any], server: dict[str, Any]
) -> None:
    (package,) = server["packages"]

    assert server["version"] == package["version"] == project["version"]
    assert package["registryType"] == "pypi"
    assert package["identifier"] == project["name"]
    assert package["transport"] == {"type": "stdio"}


def test_the_registry_can_check_who_owns_the_package(server: dict[str, Any]) -> None:
    # It looks for this line in the README that PyPI shows.
    assert f"mcp-name: {server['name']}" in (ROOT / "README.md").read_text()


def test_the_registry_accepts_the_length_of_the_texts(server: dict[str, Any]) -> None:
    assert 1 <= len(server["title"]) <= 100
    assert 1 <= len(server["description"]) <= 100


def test_the_registry_lists_every_setting_and_no_other(variables: list[Variable]) -> None:
    # A variable that is no setting would stop the start.
    assert [variable["name"] for variable in variables] == [
        f"{model.PREFIX}{field.name.upper()}" for field in dataclasses.fields(model.Settings)
    ]


def test_a_default_in_the_manifest_is_the_default(variables: list[Variable]) -> None:
    said = {
        variable["name"]: variable["default"] for variable in variables if "default" in variable
    }

    assert loading.load(environ=said) == loading.load(environ={})


def test_every_choice_in_the_manifest_is_one(variables: list[Variable]) -> None:
    others = {"BACKSCROLL_BASE_URL": "https://example.com/v1", "BACKSCROLL_API_KEY": "key"}
    for variable in variables:
        for choice in variable.get("choices", []):
            loading.load(environ=others | {variable["name"]: choice})


def test_a_host_hides_keys_and_nothing_else(variables: list[Variable]) -> None:
    for variable in variables:
        assert variable.get("isSecret", False) == variable["name"].endswith("_KEY")


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Hold manifests to the schemas and rules of their registries and hosts, which skillsaw has."""
    return subprocess.run(
        [sys.executable, "-m", "skillsaw", "lint", "--strict", "--no-plugins", folder],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def test_nothing_that_is_rendered_is_stale() -> None:
    assert stale() == [], "run `make render`"


def test_every_manifest_is_rendered() -> None:
    found = {path for path in MANIFESTS.rglob("*") if path.is_file()}
    sources = {
        path for path in found if path.suffix in {".py", ".cjs"} and path.parent == MANIFESTS
    }
    made = {path for path in found if "__pycache__" in path.parts}

    others = found - sources - made - set(rendered())
    assert {path.relative_to(MANIFESTS).as_posix() for path in others} == BY_HAND


def test_an_option_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    helped = CliRunner().invoke(main, ["--help"], prog_name="python -m manifests")
    refused = CliRunner().invoke(main, ["--check"], prog_name="python -m manifests")

    assert (helped.exit_code, refused.exit_code) == (0, 2)
    assert helped.output.startswith("Usage: python -m manifests [FOLDER]\n")
    assert list(tmp_path.iterdir()) == []


def test_registries_and_hosts_find_the_manifests_valid() -> None:
    finished = lint(MANIFESTS)

    assert finished.returncode == 0, finished.stdout
    kinds = finished.stdout.partition("Repo type: ")[2].partition("\n")[0].split(", ")
    assert set(kinds) == {
        "agent-plugin",
        "agentskills",
        "codex-marketplace",
        "codex-plugin",
        "cursor-marketplace",
        "cursor-plugin",
        "marketplace",
        "mcp-registry",
    }


PLUGINS = {
    "server.json": ("version", "mcp-registry-server-json-valid"),
    "plugin/plugin.json": ("name", "agent-plugin-json-valid"),
    "plugin/.claude-plugin/plugin.json": ("name", "claude-marketplace-registration"),
    "plugin/.codex-plugin/plugin.json": ("interface", "codex-plugin-json-valid"),
    "plugin/.cursor-plugin/plugin.json": ("name", "cursor-plugin-json-valid"),
}
MARKETPLACES = {
    ".claude-plugin/marketplace.json": ("plugins", "claude-marketplace-json-valid"),
    ".cursor-plugin/marketplace.json": ("plugins", "cursor-marketplace-json-valid"),
    ".agents/plugins/marketplace.json": ("plugins", "codex-marketplace-json-valid"),
}


# A plugin is not looked at if its marketplace cannot be read.
@pytest.mark.parametrize("broken", [PLUGINS, MARKETPLACES], ids=["plugins", "marketplaces"])
def test_what_they_cannot_read_is_found(broken: dict[str, tuple[str, str]], tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    for name, (field, _) in broken.items():
        path = tmp_path / "manifests" / name
        manifest = json.loads(path.read_text("utf-8"))
        manifest[field] = 7
        path.write_text(json.dumps(manifest), "utf-8")

    finished = lint(tmp_path / "manifests")

    assert finished.returncode != 0
    assert [rule for _, rule in broken.values() if f"({rule})" not in finished.stdout] == []


def test_any_host_can_start_the_command_without_settings(project: dict[str, Any]) -> None:
    manifest = json.loads((MANIFESTS / "mcp.json").read_text())

    entry = {"command": "uvx", "args": ["--from", SOURCE, "backscroll"]}
    assert manifest == {"mcpServers": {"backscroll": entry}}
    assert entry["args"][-1] in project["scripts"]


def test_the_links_carry_the_entry() -> None:
    links = json.loads((MANIFESTS / "links.json").read_text())
    entry = {"command": "uvx", "args": ["--from", SOURCE, "backscroll"]}

    for link in links["cursor"].values():
        query = parse_qs(urlsplit(link).query)
        assert query["name"] == ["backscroll"]
        assert json.loads(base64.b64decode(query["config"][0])) == entry
    assert json.loads(unquote(links["vscode"]["link"].partition("?")[2])) == {
        "name": "backscroll",
        "type": "stdio",
        **entry,
        "env": {"BACKSCROLL_OUTPUT": "text", "BACKSCROLL_RESULT_CHARS": "8000"},
    }
    assert parse_qs(urlsplit(links["vscode"]["page"]).query) == {"url": [links["vscode"]["link"]]}


@pytest.mark.parametrize(
    ("name", "chars"),
    [
        ("plugin/.claude-plugin/plugin.json", "30000"),
        ("plugin/codex-mcp.json", "30000"),
        ("vscode/mcp.json", "8000"),
    ],
)
def test_a_hosts_manifest_has_the_settings_that_suit_what_its_model_sees(
    name: str, chars: str
) -> None:
    manifest = json.loads((MANIFESTS / name).read_text())
    servers = manifest.get("servers") or manifest["mcpServers"]

    given = servers["backscroll"]["env"].items()
    suited = {"BACKSCROLL_OUTPUT": "text", "BACKSCROLL_RESULT_CHARS": chars}
    assert suited.items() <= given


def test_whatever_starts_or_installs_the_package_names_it_as_one_place_does() -> None:
    # Until the package is in the index, anyone may take its name there.
    texts = [path.read_text("utf-8") for path in rendered()]
    unquoted = [unquote(unquote(text)) for text in texts]

    started = re.findall(r'"uvx",\s*"args":\s*\[([^]]*)\]', "".join(unquoted))
    installed = re.findall(r"^(?:uv tool|pipx|pip) install (.*)$", "".join(texts), re.MULTILINE)

    assert {"".join(words.split()) for words in started} == {f'"--from","{SOURCE}","backscroll"'}
    assert len(started) >= 8
    assert {words for words in installed if "backscroll" in words} == {requirement()}


def test_dockers_catalogue_shows_every_tool_and_its_arguments() -> None:
    shown = json.loads((MANIFESTS / "docker" / "tools.json").read_text())

    assert [(tool["name"], [a["name"] for a in tool["arguments"]]) for tool in shown] == [
        (tool.name, list(arguments(tool))) for tool in TOOLS
    ]
    kinds = {argument["type"] for tool in shown for argument in tool["arguments"]}
    assert kinds <= {"string", "integer", "number", "boolean", "array", "object"}


def test_dockers_catalogue_hides_the_key_and_asks_for_what_it_sets() -> None:
    config = YAML(typ="safe").load(MANIFESTS / "docker" / "server.yaml")["config"]

    assert [secret["env"] for secret in config["secrets"]] == ["BACKSCROLL_API_KEY"]
    assert [item["value"] for item in config["env"]] == [
        f"{{{{backscroll.{name}}}}}" for name in config["parameters"]["properties"]
    ]


def test_gemini_keeps_the_key_and_nothing_else_in_the_keychain() -> None:
    extension = json.loads((MANIFESTS / "gemini" / "gemini-extension.json").read_text())

    assert {item["envVar"]: item["sensitive"] for item in extension["settings"]} == {
        "BACKSCROLL_UPSTREAM": False,
        "BACKSCROLL_BASE_URL": False,
        "BACKSCROLL_API_KEY": True,
        "BACKSCROLL_READ_ONLY": False,
    }
