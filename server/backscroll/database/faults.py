"""What can go wrong with a database."""

from typing import Final, Literal, TypeAlias

from backscroll.settings.operator_errors import OperatorError

Trouble: TypeAlias = Literal[
    "full", "read_only", "missing", "replaced", "damaged", "foreign", "failed"
]
"""What can be wrong with a database: `foreign` belongs to another program or version."""


_SENTENCES: Final[dict[Trouble, str]] = {
    "full": "its disk is full",
    "read_only": "it cannot be written: it, its folder or its disk is read-only",
    "missing": "its file cannot be opened: it is gone, or its folder cannot be used",
    "replaced": "its file was replaced by another at that moment",
    "damaged": "its file is damaged",
    "foreign": "its file was replaced by one that is not of this version of Backscroll",
    "failed": "its engine reports an error",
}


class StoreError(OperatorError):
    """The store refuses a database or an import; `str()` is one clear line."""


class NothingWrittenError(OperatorError):
    """The database operation failed and nothing was written; a retry is safe."""


class DatabaseBusyError(NothingWrittenError):
    """Another writer held the database for longer than the store waits."""

    def __str__(self) -> str:
        """Return one line for the operator."""
        return "another program or transaction holds the database"


class DatabaseUnavailableError(NothingWrittenError):
    """The database's server does not answer.

    Args:
        reason: why, as far as it is known; never has a password in it.
    """

    def __init__(self, reason: str) -> None:
        """Store the reason."""
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Return one line for the operator."""
        return f"the database does not answer: {self.reason}"


class DatabaseFailedError(NothingWrittenError):
    """The database cannot work until its operator fixes something.

    Args:
        trouble: what kind of thing is wrong.
        cause: the engine's own name for it, such as `SQLITE_FULL` or SQLSTATE `53100`; empty
            if it has no name. Never the engine's message, which may quote data.
        where: the database's name, such as its path; shown only to the operator.
    """

    def __init__(self, trouble: Trouble, cause: str = "", where: str = "") -> None:
        """Store the trouble, its cause and the database's name."""
        super().__init__(trouble, cause, where)
        self.trouble: Trouble = trouble
        self.cause = cause
        self.where = where

    @property
    def sentence(self) -> str:
        """What is wrong, without the database's name: `its disk is full (SQLITE_FULL)`."""
        return f"{_SENTENCES[self.trouble]} ({self.cause})" if self.cause else self.plain

    @property
    def plain(self) -> str:
        """What is wrong, without the engine's name for it."""
        return _SENTENCES[self.trouble]

    def __str__(self) -> str:
        """Return one line for the operator."""
        return f"the database {self.where}: {self.sentence}" if self.where else self.sentence


class CommitUnknownError(OperatorError):
    """The connection was lost during a commit, which may or may not have succeeded.

    A retry with the same idempotency key finds out.
    """

    def __str__(self) -> str:
        """Return one line for the operator."""
        return "the connection to the database was lost in a commit"
