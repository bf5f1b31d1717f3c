"""`backscroll view` in a headless Chromium: the real server and the real page."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.app_page.conversations import CHROMIUM, needs_chromium
from tests.app_page.viewing import viewing
from tests.clients import nodejs
from tests.server.command_line import backscroll

SCRIPT: Final = Path(__file__).parent / "view.cjs"

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(not CHROMIUM.is_dir(), reason="no Chromium is installed"),
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

    with viewing(database) as link:
        printed = nodejs.run(SCRIPT, stdin=link)

    assert json.loads(printed) == {
        "console": [],
        "address": link.partition("#")[0],
        "mark": "quokka",
        "again": "This link is wrong or was used already: run backscroll view again.",
    }
