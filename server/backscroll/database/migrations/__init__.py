"""Migrates databases from older schemas, with alembic.

The folder `versions` has one file for each schema version. In each file, `revision` is the schema
version, and `TABLES` names the set of tables that the file changes. If a database does not have
that set, the file is skipped. A database stores its schema version in the table
`backscroll_schema` and not in alembic's table, because the first releases did not use alembic.
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
    """Run all migrations that are newer than `version`, oldest first.

    Args:
        connection: a connection in a transaction that excludes other migrations.
        version: the schema version of the database, 1 or more.
        sets: the sets of tables that the database has.
    """
    scripts = ScriptDirectory(str(_HERE))
    steps = reversed(list(scripts.iterate_revisions("head", str(version))))
    with Operations.context(MigrationContext.configure(connection)):
        for step in steps:
            if step.module.TABLES in sets:
                step.module.upgrade()
