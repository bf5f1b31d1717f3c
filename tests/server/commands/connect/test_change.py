"""Whatever a file holds: what comes into it goes out again, and leaves it as it was to the byte."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.commands.connect import change
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.hosts import BY_NAME
from tests.faults.figures import sized
from tests.server.commands.connect import test_json_edit, test_toml_edit

ENTRIES = st.sampled_from(
    [
        HostEntry(("uvx", "backscroll"), {}),
        HostEntry(("/opt/backscroll",), {"BACKSCROLL_UPSTREAM": "openai"}, needs_key=True),
        HostEntry(
            ("C:\\backscroll.exe",), {"BACKSCROLL_UPSTREAM": "openai"}, key="k", needs_key=True
        ),
    ]
)
TEXTS = {
    "cursor": test_json_edit.configurations(servers=0)
    | test_json_edit.collections(test_json_edit.values, named=True)
    | test_json_edit.blanks.filter(lambda blank: "/" not in blank),
    "vscode": test_json_edit.configurations(servers=0).map(
        lambda text: text.replace('"mcpServers"', '"servers"').replace('"theme"', '"tasks"')
    ),
    "codex": test_toml_edit.configurations(),
}


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
@settings(max_examples=sized(quick=30, long=1_000))
def test_a_file_is_as_it_was_after_any_comings_and_one_going(
    name: str, data: st.DataObject
) -> None:
    host = BY_NAME[name]
    raw = data.draw(TEXTS[name]).encode()
    entries = data.draw(st.lists(ENTRIES, min_size=1, max_size=3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(raw)

        for entry in entries:
            change.connecting(host, path, entry).apply()
        connected = path.read_bytes()
        change.disconnecting(host, path).apply()

        assert connected != raw
        assert path.read_bytes() == raw
        assert list(path.parent.iterdir()) == [path]
