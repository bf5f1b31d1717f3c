"""The schema of the first Backscroll: the start of all migrations."""

from typing import Final

revision: Final = "1"
down_revision: Final = None
TABLES: Final = "store"
