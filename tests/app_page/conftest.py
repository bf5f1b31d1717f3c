"""What the browser saw, for all tests of the page."""

import asyncio
import fcntl
import json

import pytest

from tests.app_page.conversations import CHROMIUM, JSON, filled, observed


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> JSON:
    """What the browser saw. Processes of one test run share it."""
    if not CHROMIUM.is_dir():
        pytest.skip("no Chromium is installed: run `make .cache/node/.ready`")
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    file = folder / "seen-by-the-browser.json"
    with (folder / "seen-by-the-browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(asyncio.run(observed(*filled(tmp_path_factory.mktemp("page")))))
    seen: JSON = json.loads(file.read_text())
    return seen
