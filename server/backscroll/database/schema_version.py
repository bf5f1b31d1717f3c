"""The version of the tables in `schema`. This module can be imported without SQLAlchemy."""

from typing import Final

SCHEMA_VERSION: Final = 10
"""The version that this Backscroll reads and writes. A database of an older version is migrated."""

VERSION_TABLE: Final = "backscroll_schema"
"""The name of the table whose column `version` has the version of a database."""
