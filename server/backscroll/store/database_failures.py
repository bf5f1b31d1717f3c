"""Converts errors of the database into errors of OpenAI's API, and logs them."""

import logging
from http import HTTPStatus
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    NothingWrittenError,
    StoreError,
)
from backscroll.store.api_errors import SERVER_ERROR, ApiError, again_later, not_written

FAILURES: Final = (SQLAlchemyError, NothingWrittenError, CommitUnknownError, StoreError)
"""The errors that `failure_reply` converts."""

_log: Final = logging.getLogger(__name__)


def failure_reply(error: Exception) -> ApiError:
    """Return the error that the caller gets after an error of the database, and log the latter.

    Args:
        error: an error of one of the types in `FAILURES`.
    """
    match error:
        case DatabaseBusyError():
            _log.warning("the database is locked by another program or transaction")
            why = "The database is locked by another program or transaction"
            return again_later(why, "database_busy")
        case DatabaseUnavailableError():
            _log.error("%s", error)
            return again_later("The database does not respond", "database_unavailable")
        case DatabaseFailedError():
            _log.error("%s; nothing was written", error)
            return not_written(error)
        case StoreError():
            _log.error("the answer of a model %s", error)
            message = "The model server's answer cannot be recorded. Send 'store: false'."
            return ApiError(HTTPStatus.BAD_GATEWAY, message, code="answer_not_storable")
        case CommitUnknownError():
            _log.error("%s", error, exc_info=error)
            message = (
                "The connection to the database was lost during the commit. The write may or may "
                "not have succeeded. Retry the same request with the same Idempotency-Key."
            )
            return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, message, kind=SERVER_ERROR)
        case _:
            # The transaction was certainly rolled back. After an uncertain commit, the error is
            # CommitUnknownError.
            _log.error("the database failed; nothing was written", exc_info=error)
            return not_written(DatabaseFailedError("failed"))
