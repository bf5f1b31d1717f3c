"""What each session or transaction on PostgreSQL is set to: time limits and durability."""

from typing import Final

from msgspec import Struct

_IDLE_IN_TRANSACTION_S: Final = 60
_DURABLE: Final = (
    "CASE WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' "
    "ELSE 'on' END"
)
"""The value for the setting `synchronous_commit`, which a role or server may have turned off.
`remote_apply` is not replaced, because it guarantees more than `on`."""


class Session(Struct, frozen=True):
    """The time limits of a session.

    Attributes:
        statement_s: the time limit for a statement, in seconds.
        lock_s: the maximum time that a statement waits for a lock, in seconds.
    """

    statement_s: int
    lock_s: float

    def settings(self, *, local: bool) -> str:
        """Return a `SELECT` that applies the settings.

        They are not sent as startup parameters, because PgBouncer refuses or drops unknown ones.

        Args:
            local: whether they apply until the end of the transaction, or of the session.
        """
        texts = {
            "jit": "off",  # compiling a statement takes longer than running it
            "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s",
            "statement_timeout": f"{self.statement_s}s",
            "lock_timeout": f"{self.lock_s * 1000:.0f}ms",
        }
        values = {name: f"'{text}'" for name, text in texts.items()}
        values["synchronous_commit"] = _DURABLE
        chosen = (f"set_config('{name}', {value}, {local})" for name, value in values.items())
        return f"SELECT {', '.join(chosen)}"
