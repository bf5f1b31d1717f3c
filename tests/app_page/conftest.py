"""What the browser saw, for all tests of the page."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.app_page.conversations import CHROMIUM, JSON, filled, observed
from tests.once import made_once


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> JSON:
    """What the browser saw."""
    if not CHROMIUM.is_dir():
        pytest.skip("no Chromium is installed: run `make .cache/node/.ready`")

    def observe(file: Path) -> None:
        file.write_text(asyncio.run(observed(*filled(tmp_path_factory.mktemp("page")))))

    file = made_once(tmp_path_factory, worker_id, "seen-by-the-browser.json", observe)
    seen: JSON = json.loads(file.read_text())
    return seen
