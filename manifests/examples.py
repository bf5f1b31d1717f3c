"""The programs of docs/examples, as the documents show them: whole, and as they run."""

import re
from typing import Final

from manifests.description import ROOT

DOCS: Final = ROOT / "docs"
DOCUMENTS: Final = (DOCS / "library.md", DOCS / "extending.md")
SHOWN: Final = re.compile(r"<!-- examples/(\w+\.py) -->\n(?:```python\n(.*?)```\n)?", re.DOTALL)


def shown(text: str) -> str:
    """Return a document with every program that it shows as it is in its file."""
    return SHOWN.sub(lambda match: _block(match[1]), text)


def _block(name: str) -> str:
    program = (DOCS / "examples" / name).read_text("utf-8")
    return f"<!-- examples/{name} -->\n```python\n{program}```\n"
