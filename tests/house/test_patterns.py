"""The regular expressions of the sources match alike on every supported Python."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Python before 3.11.5 (that of Debian 12 is 3.11.2) returns a match that is too long if the last
# repetition of such a group fails after some characters: github.com/python/cpython issue 106052.
_POSSESSIVE_GROUP = re.compile(r"(?<!\\)(?:\\\\)*\)(?:[*+?]|\{\d*,?\d*\})\+")


def _is_of_re(called: ast.expr) -> bool:
    """Whether what is called is a function of `re`, or a method of what one returned."""
    while isinstance(called, ast.Attribute | ast.Call):
        called = called.value if isinstance(called, ast.Attribute) else called.func
    return isinstance(called, ast.Name) and called.id == "re"


def _patterns(source: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each pattern that a source file compiles."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and _is_of_re(node.func):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str | bytes):
                    yield part.lineno, str(part.value)


def test_no_pattern_repeats_a_group_possessively() -> None:
    patterns = [
        (f"{source.relative_to(ROOT)}:{line}", pattern)
        for folder in ("server", "tools")
        for source in (ROOT / folder).rglob("*.py")
        for line, pattern in _patterns(source)
    ]

    assert len(patterns) > 100
    assert [place for place, pattern in patterns if _POSSESSIVE_GROUP.search(pattern)] == []
    assert _POSSESSIVE_GROUP.search(r'(?:"[^"]*+")*+')
