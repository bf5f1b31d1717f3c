"""Allow compressed bodies of items on SQLite (`compressed_json`).

The tables do not change. The new version keeps older versions of Backscroll, which cannot read
compressed bodies, from opening the database.
"""

from typing import Final

revision: Final = "8"
down_revision: Final = "7"
TABLES: Final = "store"


def upgrade() -> None:
    """Migrate from version 7. Bodies that are stored already stay as they are."""
