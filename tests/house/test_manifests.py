"""The manifests that registries and hosts install from agree with the package."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


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


def test_a_host_hides_the_key_and_nothing_else(server: dict[str, Any]) -> None:
    variables = server["packages"][0]["environmentVariables"]

    secret = [variable["name"] for variable in variables if variable.get("isSecret")]

    assert secret == ["BACKSCROLL_API_KEY"]


def test_any_host_can_start_the_command_without_settings(project: dict[str, Any]) -> None:
    manifest = json.loads((ROOT / "manifests" / "mcp.json").read_text())

    assert manifest == {"mcpServers": {"backscroll": {"command": "uvx", "args": ["backscroll"]}}}
    assert manifest["mcpServers"]["backscroll"]["args"][0] in project["scripts"]
