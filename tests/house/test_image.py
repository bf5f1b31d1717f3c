"""The image and its compose file: what can be held of them where no image can be built."""

import fnmatch
import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from tests.http.serving import started
from tests.pace import limit_s

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMMANDS = Path(sysconfig.get_path("scripts"))


def judged(*command: str | Path) -> str:
    """Return what a linter says, which is nothing bad."""
    done = subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", cwd=ROOT, timeout=limit_s(50)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_is_without_a_flaw() -> None:
    assert not judged(COMMANDS / "hadolint", "Dockerfile")


def test_the_compose_file_is_valid() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert "ok" in judged(COMMANDS / "check-jsonschema", *schema, "manifests/compose.yaml")


def test_all_that_the_image_copies_is_let_in() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }

    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_all_that_the_wheel_is_built_from_is_in_the_image() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (wanted,) = re.findall(r"^only-include = (\[.*?\])", pyproject, re.DOTALL | re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = " ".join(copied).split()

    for name in re.findall(r'"(.+?)"', wanted):
        assert any(fnmatch.fnmatch(name, f"{source}*") for source in sources), name


async def test_the_health_check_tells_a_server_from_none(tmp_path: Path) -> None:
    (line,) = re.findall(r"HEALTHCHECK.*?CMD (\[.*?\])$", DOCKERFILE, re.DOTALL | re.MULTILINE)
    program, *arguments = json.loads(line)
    assert program == "python"

    def check(port: int) -> int:
        waits = f"timeout={limit_s(2)}"
        asked = [
            argument.replace(":8000/", f":{port}/").replace("timeout=2", waits)
            for argument in arguments
        ]
        command: list[Any] = [COMMANDS / "python", *asked]
        return subprocess.run(
            command, capture_output=True, check=False, timeout=limit_s(20)
        ).returncode

    async with started(tmp_path / "store.db") as server:
        assert check(server.port) == 0
        port = server.port
    assert check(port) == 1
