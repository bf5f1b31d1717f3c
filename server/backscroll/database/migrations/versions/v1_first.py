"""What the first Backscroll made; nothing leads to it."""

from typing import Final

revision: Final = "1"
down_revision: Final = None
TABLES: Final = "store"
