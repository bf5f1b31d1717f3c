"""docs/security.md lists every module that keeps a connection or a credential for later."""

import re

from tests.house.documents import ROOT

KEEPS = re.compile(
    r"(?<!def )(?<!class )\b(?:AsyncClient|AsyncConnectionPool|AsyncHTTPTransport|ConnectionPool|"
    r"HTTPTransport|DefaultAzureCredential|create_async_engine|create_engine|asyncpg\.connect|"
    r"sqlite3\.connect|PyJWK|PyJWKClient|open_connection)\("
    r"|_(?:kept|found): (?:OrderedDict|dict)\["
)
"""How what outlives a request is made or kept."""

BRIEF = {
    "server/backscroll/commands",
    "server/backscroll/database/migrations",
    "server/backscroll/history",
}
"""What runs for one command alone, or closes a file's database once the file is read."""


def test_every_place_where_something_is_kept_for_later_is_listed() -> None:
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    section = page.partition("\n## What is kept for later\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`((?:server|tools)/[\w/]+\.py)`", section))

    keeping = {
        path.relative_to(ROOT).as_posix()
        for folder in ("server", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if KEEPS.search(path.read_text("utf-8"))
    }
    lasting = {path for path in keeping if not path.startswith(tuple(BRIEF))}

    assert lasting <= listed
    assert {path for path in listed if not (ROOT / path).is_file()} == set()
