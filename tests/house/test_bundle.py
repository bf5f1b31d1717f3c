"""The bundle is packed by its own tool, unpacked, and started as a host starts it."""

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from manifests import bundle
from tests.clients import nodejs
from tests.house import environment
from tests.inventory import NAMES

MCPB: Final = nodejs.MODULES / ".bin" / "mcpb"
AS_A_HOST: Final = """
const format = process.argv[1] + "/@anthropic-ai/mcpb/dist/index.js";
const { getMcpConfigForManifest } = await import(format);
const { readFileSync } = await import("node:fs");
const manifest = JSON.parse(readFileSync(process.argv[2] + "/manifest.json"));
console.log(JSON.stringify(await getMcpConfigForManifest({
  manifest, extensionPath: process.argv[2], systemDirs: {}, pathSeparator: "/",
  userConfig: JSON.parse(process.argv[3]),
})));
"""
"""What a host does with a manifest and what its user chose, by the format's own library."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, after it was laid out, found valid, packed and unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    bundle.stage(folder / "laid-out")
    nodejs.run(MCPB, "validate", folder / "laid-out")
    nodejs.run(MCPB, "pack", folder / "laid-out", folder / "backscroll.mcpb")
    nodejs.run(MCPB, "unpack", folder / "backscroll.mcpb", folder / "unpacked")
    return folder / "unpacked"


def started_by_a_host(unpacked: Path, chosen: dict[str, object]) -> dict[str, Any]:
    """Return the command and the environment that the manifest and a user's choices come to."""
    options = ("--input-type=module", "--eval", AS_A_HOST)
    said = nodejs.run(*options, nodejs.MODULES, unpacked, json.dumps(chosen))
    config: dict[str, Any] = json.loads(said)
    return config


@pytest.mark.parametrize(
    ("chosen", "withheld"), [({}, set()), ({"read_only": True}, {"create-message"})]
)
async def test_the_bundle_starts_and_offers_the_tools(
    chosen: dict[str, object], withheld: set[str], unpacked: Path, tmp_path: Path
) -> None:
    scripts = environment.made(tmp_path / "environment", unpacked)
    config = started_by_a_host(unpacked, chosen)
    assert config["command"] == "uv"
    environ = {
        **environment.variables(database=f"sqlite:///{tmp_path / 'store.db'}"),
        **config["env"],
        "PATH": f"{environment.UV.parent}{os.pathsep}{os.environ['PATH']}",
        "UV_PROJECT_ENVIRONMENT": str(scripts.parent),
        "UV_NO_SYNC": "1",  # uv has nothing to install, and no network to look for it
    }
    server = StdioServerParameters(command="uv", args=config["args"], env=environ)

    async with Client(stdio_client(server)) as client:
        offered = [tool.name for tool in (await client.list_tools()).tools]

    assert offered == [name for name in NAMES if name not in withheld]


def test_the_bundle_runs_the_code_that_is_in_it(unpacked: Path, tmp_path: Path) -> None:
    scripts = environment.made(tmp_path / "environment", unpacked)

    code = (
        "import backscroll, backscroll_tools; print(backscroll.__file__, backscroll_tools.__file__)"
    )
    places = environment.run(scripts / "python", "-c", code).split()

    assert [place.startswith(str(tmp_path)) for place in places] == [True, True]
    assert str(tmp_path) not in sys.path


def test_a_user_is_asked_for_what_the_environment_is_given(unpacked: Path) -> None:
    manifest = json.loads((unpacked / "manifest.json").read_text())
    chosen = {"upstream": "openai", "api_key": "k", "read_only": True}

    assert started_by_a_host(unpacked, chosen)["env"] == {
        "BACKSCROLL_UPSTREAM": "openai",
        "BACKSCROLL_BASE_URL": "",
        "BACKSCROLL_API_KEY": "k",
        "BACKSCROLL_READ_ONLY": "true",
    }
    assert [name for name, asked in manifest["user_config"].items() if asked.get("sensitive")] == [
        "api_key"
    ]
