"""`backscroll view` in a headless Chromium: the real server and the real page."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.app_page import test_page
from tests.clients import nodejs
from tests.clients.programs import finished
from tests.server.command_line import COMMAND, backscroll, variables

SCRIPT: Final = Path(__file__).parent / "view.cjs"

pytestmark = [
    test_page.pytestmark,
    pytest.mark.skipif(not test_page.CHROMIUM.is_dir(), reason="no Chromium is installed"),
]


def test_the_link_of_view_opens_the_page_once_and_its_policy_lets_the_page_work(
    tmp_path: Path,
) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    file = tmp_path / "chats.jsonl"
    said = [("user", "Where does the quokka live?"), ("assistant", "On Rottnest.")]
    messages = [{"role": role, "content": text} for role, text in said]
    file.write_text(json.dumps({"messages": messages}))
    assert backscroll(database, "import", str(file)).exit_code == 0

    with subprocess.Popen(
        [*COMMAND, "view", "--no-browser"],
        env=variables(database=database),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as server:
        assert server.stderr is not None
        try:
            server.stderr.readline()
            link = server.stderr.readline()
            printed = finished(nodejs.NODE, SCRIPT, stdin=link, NODE_PATH=str(nodejs.MODULES))
        finally:
            server.send_signal(signal.SIGINT)

    assert json.loads(printed) == {
        "console": [],
        "address": link.partition("#")[0].strip(),
        "mark": "quokka",
        "again": "This link is wrong or was used already: run backscroll view again.",
    }
