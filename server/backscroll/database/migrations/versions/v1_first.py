"""The schema of the first release. All migrations start from it."""

from typing import Final

revision: Final = "1"
down_revision: Final = None
TABLES: Final = "store"
