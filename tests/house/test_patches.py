"""No test replaces a part of the product: what a test needs otherwise is an argument.

A part of the outside world that cannot be made real may still be replaced, with the reason beside
it: `sys.platform`, a limit of the machine, a library that is not installed.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = re.compile(r"(?:backscroll|backscroll_tools|bench|manifests)(?:\.|$)")
REPLACING = {"setattr", "setitem", "delattr", "delitem"}

REGISTRIES = {"PROFILES", "GROUPS"}
"""Tables that a test adds a value to, to prove that one value is all that a new kind needs."""


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names of what a file imports from the product: modules, and parts of them."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and OURS.match(node.module or ""):
            found |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            names = ((alias.asname or alias.name, alias.name) for alias in node.names)
            found |= {name.partition(".")[0] for name, module in names if OURS.match(module)}
    return found


def root_of(target: ast.expr) -> str:
    """Return the name, or the text, that an expression begins with."""
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    if isinstance(target, ast.Constant):
        return str(target.value)
    return target.id if isinstance(target, ast.Name) else ""


def names_of(called: ast.expr) -> Iterator[str]:
    """Yield the names between the dots of what is called."""
    while isinstance(called, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(called, ast.Attribute):
            yield called.attr
        called = called.func if isinstance(called, ast.Call) else called.value
    if isinstance(called, ast.Name):
        yield called.id


def changed(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a statement or a call replaces an attribute or an item of."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        targets = [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else node.targets
        yield from (one for one in targets if isinstance(one, ast.Attribute | ast.Subscript))
    if isinstance(node, ast.Call) and node.args:
        names = list(names_of(node.func))
        if names and (names[0] in REPLACING or "patch" in names):
            yield node.args[0]


def patches(source: str) -> list[int]:
    """Return the lines of a file that replace a part of the product."""
    nodes = list(ast.walk(ast.parse(source)))
    names = imported(nodes)
    return [
        target.lineno
        for node in nodes
        for target in changed(node)
        if ((root := root_of(target)) in names and root not in REGISTRIES) or OURS.match(root)
    ]


@pytest.mark.parametrize(
    ("line", "is_patch"),
    [
        ("monkeypatch.setattr(once, 'LOOKS_S', ())", True),
        ("monkeypatch.setattr('backscroll.stdio.transport.DRAIN_S', 0)", True),
        ("monkeypatch.setattr(Lanes.__init__, '__defaults__', (1, 1))", True),
        ("monkeypatch.setitem(once.KNOWN, 'parley', 1)", True),
        ("setattr(once, 'LOOKS_S', ())", True),
        ("mocker.patch('backscroll_tools.client.replies.decode')", True),
        ("mocker.patch.object(once, 'LOOKS_S')", True),
        ("once.LOOKS_S = ()", True),
        ("monkeypatch.setattr(sys, 'platform', 'linux')", False),
        ("monkeypatch.setenv('BACKSCROLL_DATABASE', 'sqlite://')", False),
        ("server.lifespan = None", False),
        ("monkeypatch.setitem(PROFILES, 'parley', PARLEY)", False),
    ],
)
def test_a_patch_of_the_product_is_told_from_one_of_the_world(line: str, is_patch: bool) -> None:
    head = "import sys\nfrom backscroll_tools.writes import once\n"
    head += "from backscroll_tools.client.profiles import PROFILES\n"
    head += "from backscroll_tools.client.lanes import Lanes\n"

    assert patches(head + line) == ([5] if is_patch else [])


@pytest.mark.parametrize("folder", ["tests", "bench"])
def test_no_part_of_the_product_is_patched(folder: str) -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (lines := patches(path.read_text("utf-8")))
    }

    assert found == {}
