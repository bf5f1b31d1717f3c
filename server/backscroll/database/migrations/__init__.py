"""From an older schema to this one, by alembic: a file in `versions` for each version.

A file's revision is the version that it leads to. `TABLES` names the set of tables that it changes:
a database without them skips the step. The version of a database is in its own
`backscroll_schema` table, which Backscrolls without alembic read too.
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
    """Take the steps that follow a version, oldest first.

    Args:
        connection: inside a transaction that no other migration runs beside.
        version: the schema that is there, 1 or more.
        sets: which tables are there.
    """
    scripts = ScriptDirectory(str(_HERE))
    steps = reversed(list(scripts.iterate_revisions("head", str(version))))
    with Operations.context(MigrationContext.configure(connection)):
        for step in steps:
            if step.module.TABLES in sets:
                step.module.upgrade()
