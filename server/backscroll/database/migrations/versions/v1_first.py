"""The schema of the first release, from which all migrations start."""

from typing import Final

revision: Final = "1"
down_revision: Final = None
TABLES: Final = "store"
