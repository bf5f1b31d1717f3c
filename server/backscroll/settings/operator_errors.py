"""The base class of errors that only the operator can fix.

It is a module of its own because the settings, the database, the upstream and each command raise
such errors.
"""


class OperatorError(Exception):
    """A process or command cannot do its work; `str()` is one line for the operator."""
