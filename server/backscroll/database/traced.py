"""Traces database reads and writes with OpenTelemetry spans."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct
from opentelemetry.trace import SpanKind, StatusCode, get_current_span, get_tracer
from sqlalchemy.exc import SQLAlchemyError

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.port import Database, Work

_FAILURES: Final = (CommitUnknownError, NothingWrittenError, SQLAlchemyError)
_TRACER: Final = get_tracer("backscroll.store")
T = TypeVar("T")


class TracedDatabase(Struct, frozen=True):
    """A database that creates a span for each read and write of a traced request.

    Attributes:
        database: the database that does the work.
        system: the kind of database, such as `sqlite`, for the span's attribute `db.system.name`.
    """

    database: Database
    system: str

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        """Run `work` like `Database.read`, in a span."""
        return await self._run_traced("read", partial(self.database.read, large=large), work)

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` like `Database.write`, in a span."""
        return await self._run_traced("write", partial(self.database.write, turn=turn), work)

    async def require_writable(self) -> None:
        """Check like `Database.require_writable`. This has no span."""
        await self.database.require_writable()

    async def check(self) -> None:
        """Check like `Database.check`. This has no span, because it belongs to no request."""
        await self.database.check()

    async def truncate_log(self) -> bool:
        """Empty the write-ahead log like `Database.truncate_log`. This has no span."""
        return await self.database.truncate_log()

    async def maintain(self, work: Work[T]) -> T:
        """Run `work` like `Database.maintain`. This has no span: it belongs to no request."""
        return await self.database.maintain(work)

    async def close(self) -> None:
        """Close the database like `Database.close`."""
        await self.database.close()

    async def _run_traced(
        self, name: str, run: Callable[[Work[T]], Awaitable[T]], work: Work[T]
    ) -> T:
        if not get_current_span().is_recording():
            return await run(work)
        attributes = {"db.system.name": self.system, "code.function.name": _name_of(work)}
        with _TRACER.start_as_current_span(
            f"database {name}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,  # an exception's text may quote a message
            set_status_on_exception=False,
        ) as span:
            try:
                return await run(work)
            except _FAILURES as error:  # other errors, such as a 404, are no faults of the database
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def _name_of(work: Work[T]) -> str:
    """Return the name of the function in which `work` is defined."""
    name: str = getattr(work, "__qualname__", type(work).__name__)
    return name.partition(".<locals>")[0]
