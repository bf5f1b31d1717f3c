"""The base class of errors that only the operator can fix.

The class has a module of its own, because the settings, the database, the upstream and the commands
all raise such errors.
"""


class OperatorError(Exception):
    """A process or command has failed. `str()` is a one-line message for the operator."""
