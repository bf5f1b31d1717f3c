"""The errors that operations on a database can raise."""

from typing import Final, Literal, TypeAlias

from backscroll.settings.operator_errors import OperatorError

Trouble: TypeAlias = Literal[
    "full", "read_only", "standby", "missing", "replaced", "damaged", "foreign", "failed"
]
"""The kinds of database failure. `foreign`: the file belongs to another program or to another
version of Backscroll."""

_SENTENCES: Final[dict[Trouble, str]] = {
    "full": "its disk is full",
    "read_only": "it cannot be written, because the file, its folder or its disk is read-only",
    "standby": "its server is a standby or read-only, and cannot be written to",
    "missing": "its file cannot be opened: the file or its folder is missing, read-only or "
    "not accessible",
    "replaced": "its file was replaced by another file during the operation",
    "damaged": "its file is damaged",
    "foreign": "its file was replaced by one that this version of Backscroll cannot use",
    "failed": "its engine reported an error",
}


class StoreError(OperatorError):
    """A database or an import was rejected. `str()` is one line for the operator."""


class NothingWrittenError(OperatorError):
    """An operation on the database failed, and it wrote nothing. A retry is safe."""


class DatabaseBusyError(NothingWrittenError):
    """Another program or transaction locked the database for longer than the time limit."""

    def __str__(self) -> str:
        """Return one line for the operator."""
        return "another program or transaction has locked the database"


class DatabaseUnavailableError(NothingWrittenError):
    """The database's server does not respond.

    Args:
        reason: one line about the cause, without a password.
    """

    def __init__(self, reason: str) -> None:
        """Store the reason."""
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Return one line for the operator."""
        return f"the database does not respond: {self.reason}"


class DatabaseFailedError(NothingWrittenError):
    """The database fails until its operator fixes the cause.

    Args:
        trouble: the kind of failure.
        cause: the engine's error code, such as `SQLITE_FULL` or SQLSTATE `53100`, or an empty
            string. It must not be the engine's message, which may quote data.
        where: the database's name, such as its path. It is shown only to the operator.
    """

    def __init__(self, trouble: Trouble, cause: str = "", where: str = "") -> None:
        """Store the trouble, its cause and the database's name."""
        super().__init__(trouble, cause, where)
        self.trouble: Trouble = trouble
        self.cause = cause
        self.where = where

    @property
    def sentence(self) -> str:
        """A description without the database's name, such as `its disk is full (SQLITE_FULL)`."""
        return f"{_SENTENCES[self.trouble]} ({self.cause})" if self.cause else self.plain

    @property
    def plain(self) -> str:
        """A description without the database's name and the engine's error code."""
        return _SENTENCES[self.trouble]

    def __str__(self) -> str:
        """Return one line for the operator."""
        return f"the database {self.where}: {self.sentence}" if self.where else self.sentence


class CommitUnknownError(OperatorError):
    """The connection was lost during a commit, so it is unknown whether the commit succeeded.

    A retry with the same idempotency key is safe: it only writes if the commit did not succeed.
    """

    def __str__(self) -> str:
        """Return one line for the operator."""
        return "the connection to the database was lost during a commit"


class LostCommitError(CommitUnknownError):
    """As `CommitUnknownError`; but the server decides, and a later transaction sees the outcome.

    A transaction that takes the same locks waits until the server has decided.
    """
