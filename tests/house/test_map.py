"""CONTRIBUTING's map of the tree names every module and every folder, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("server/backscroll", "tools/backscroll_tools")
INDENT = 4


def blocks() -> list[str]:
    """Return the blocks of the section on architecture."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## Architecture\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def block(start: str) -> str:
    """Return the block that begins with a text."""
    (found,) = (each for each in blocks() if each.startswith(start))
    return found


def named(text: str) -> list[str]:
    """Return the paths that a map names, from the root: modules without `.py`, folders with `/`.

    Names are the words before a line's first gap of two spaces; a folder holds what is indented
    below it.
    """
    paths: list[str] = []
    folders: list[str] = []
    for line in text.splitlines():
        depth = (len(line) - len(line.lstrip())) // INDENT
        names = re.split(" {2,}", line.strip())[0].split()
        del folders[depth:]
        paths += ["".join(folders) + name for name in names]
        if names[-1].endswith("/"):
            folders.append(names[-1])
    return paths


def tree(package: str) -> list[str]:
    """Return the paths of a package's modules and folders, its own among them."""
    modules = [
        path.relative_to(ROOT).with_suffix("")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    ]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")}
    return [str(path) for path in modules] + [f"{path}/" for path in folders]


def test_the_map_names_every_module_and_folder_once_and_no_other() -> None:
    there = [path for package in PACKAGES for path in tree(package)]

    assert sorted(named(block("server/backscroll/"))) == sorted(there)


def test_the_map_of_what_is_around_names_every_folder_once_and_no_other() -> None:
    tests = {f"{path.parent.relative_to(ROOT)}/" for path in (ROOT / "tests").glob("*/*.py")}
    around = {"tests/", "manifests/", "docs/", "bench/"}

    assert sorted(named(block("tests/"))) == sorted(tests | around)


def test_the_way_of_a_request_leads_through_modules_that_are_there() -> None:
    steps = re.findall(r"\b(?:http|mcp)/[\w/]+", block("http/"))

    assert [step for step in steps if not (ROOT / PACKAGES[0] / f"{step}.py").is_file()] == []


def test_the_layers_name_every_folder_of_the_process_once() -> None:
    layers = [name for line in block("commands").splitlines() for name in line[:24].split()]
    folders = {
        path.name for path in (ROOT / PACKAGES[0]).iterdir() if (path / "__init__.py").is_file()
    }

    assert sorted(layers) == sorted(folders)
