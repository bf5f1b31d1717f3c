"""The store that sessions are kept in. The frameworks are installed in an environment of their own.

`make test` runs these tests there: .cache/frameworks-venv/bin/python -m pytest tests/tools/sessions
"""

import warnings
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tools.sessions.stage import Stage, staged

collect_ignore_glob = [] if find_spec("agent_framework") else ["test_*.py"]

if find_spec("chatkit"):
    with warnings.catch_warnings():
        # ChatKit's widgets warn of themselves when they are imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        import_module("chatkit.widgets")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made
