"""Statements that are compiled once, because they are part of every write.

SQLAlchemy caches a statement's SQL, but prepares its parameters and its result again for each
execution. On SQLite, this takes longer than inserting a row. A `CompiledStatement` gives its SQL
and its parameters to `driver`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self, cast

from msgspec import Struct
from sqlalchemy import JSON, ClauseElement, Connection, Dialect
from sqlalchemy.types import TypeEngine

from backscroll.database.driver import run, run_each
from backscroll.database.json_text import dump_large_json

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class _Sql(Struct, frozen=True):
    """A statement in the SQL of one engine.

    Attributes:
        text: the SQL.
        names: the names of the parameters, in the order in which the SQL uses them.
        pick: returns the values of the parameters in that order, from a mapping by name.
        constants: the values of parameters that the statement itself sets, by the parameter's name.
        conversions: for each value that the driver does not accept unchanged, such as JSON, the
            position of the value and the function that converts it.
    """

    text: str
    names: tuple[str, ...]
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    constants: Mapping[str, Any]
    conversions: tuple[tuple[int, Callable[[Any], Any]], ...]

    @classmethod
    def of(cls, statement: ClauseElement, columns: Sequence[str], dialect: Dialect) -> Self:
        """Compile `statement`. `columns` are the columns that it sets if it is an INSERT."""
        keys = list(columns) or None
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect, column_keys=keys))
        names = tuple(compiled.positiontup or ())
        used = {name: compiled.binds[name] for name in names}
        converters = [_converter(used[name].type, dialect) for name in names]
        return cls(
            compiled.string,
            names,
            _picking(names),
            {name: bind.value for name, bind in used.items() if not bind.required},
            tuple((at, convert) for at, convert in enumerate(converters) if convert is not None),
        )

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters for the driver, converted and in the SQL's order."""
        picked = self.pick({**self.constants, **values} if self.constants else values)
        if not self.conversions:
            return picked
        given = list(picked)
        for at, convert in self.conversions:
            given[at] = convert(given[at])
        return tuple(given)


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what converts a value of a type for the driver; None if nothing has to."""
    if type(kind) is JSON and kind.none_as_null:
        return _json_text
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _json_text(value: object) -> str | None:
    """Return a value as JSON text, like SQLAlchemy's own conversion, but several times faster."""
    if value is None:
        return None
    if not value and isinstance(value, list | dict):
        return "[]" if isinstance(value, list) else "{}"
    return dump_large_json(value)


class CompiledStatement:
    """A statement with named parameters. It is compiled on its first use with each engine.

    Args:
        statement: the statement. The rows that it returns must contain only numbers and text,
            because results are not converted.
        columns: the columns that an INSERT sets from its parameters.
    """

    def __init__(self, statement: ClauseElement, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._sql: dict[str, _Sql] = {}

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Run the statement, and return the rows that it returns.

        Args:
            connection: as for `driver.run`.
            values: the values of the statement's parameters, by name.

        Raises:
            DBAPIError: the statement failed, as with `Connection.execute`.
        """
        sql = self._compiled(connection.dialect)
        return run(connection, sql.text, sql.parameters(values))

    def execute_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement once for each of `rows`, with the row's values. `rows` is not empty."""
        sql = self._compiled(connection.dialect)
        run_each(connection, sql.text, [sql.parameters(values) for values in rows])

    def names(self, connection: Connection) -> tuple[str, ...]:
        """Return the names of the parameters, in the order in which the SQL uses them."""
        return self._compiled(connection.dialect).names

    def each_parameters(
        self, connection: Connection, rows: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the parameters of each of `rows` for the driver, converted and in order."""
        sql = self._compiled(connection.dialect)
        return map(sql.parameters, rows)

    def _compiled(self, dialect: Dialect) -> _Sql:
        sql = self._sql.get(dialect.name)
        if sql is None:
            sql = _Sql.of(self._statement, self._columns, dialect)
            self._sql[dialect.name] = sql
        return sql
