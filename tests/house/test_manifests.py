"""The manifests that registries and hosts install from agree with the package."""

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from backscroll import settings

ROOT = Path(__file__).parents[2]

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
        f"{settings.PREFIX}{field.name.upper()}" for field in dataclasses.fields(settings.Settings)
    ]


def test_a_default_in_the_manifest_is_the_default(variables: list[Variable]) -> None:
    said = {
        variable["name"]: variable["default"] for variable in variables if "default" in variable
    }

    assert settings.load(environ=said) == settings.load(environ={})


def test_every_choice_in_the_manifest_is_one(variables: list[Variable]) -> None:
    others = {"BACKSCROLL_BASE_URL": "https://example.com/v1", "BACKSCROLL_API_KEY": "key"}
    for variable in variables:
        for choice in variable.get("choices", []):
            settings.load(environ=others | {variable["name"]: choice})


def test_a_host_hides_keys_and_nothing_else(variables: list[Variable]) -> None:
    for variable in variables:
        assert variable.get("isSecret", False) == variable["name"].endswith("_KEY")


def test_any_host_can_start_the_command_without_settings(project: dict[str, Any]) -> None:
    manifest = json.loads((ROOT / "manifests" / "mcp.json").read_text())

    assert manifest == {"mcpServers": {"backscroll": {"command": "uvx", "args": ["backscroll"]}}}
    assert manifest["mcpServers"]["backscroll"]["args"][0] in project["scripts"]
