"""Migrations from older schemas, by alembic: one file in `versions` for each version.

A file's revision is the version that it leads to. `TABLES` names the set of tables that it changes:
a database without them skips the step. The version of a database is in its
`backscroll_schema` table, which versions of Backscroll without alembic read too.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from backscroll.database.schema import TableSet

_HERE: Final = Path(__file__).parent


def migrate(connection: Connection, version: int, sets: Collection[TableSet]) -> None:
    """Run the steps after `version`, oldest first.

    Args:
        connection: inside a transaction during which no other migration runs.
        version: the schema version of the database, 1 or more.
        sets: the sets of tables that the database has.
    """
    scripts = ScriptDirectory(str(_HERE))
    steps = reversed(list(scripts.iterate_revisions("head", str(version))))
    with Operations.context(MigrationContext.configure(connection)):
        for step in steps:
            if step.module.TABLES in sets:
                step.module.upgrade()
