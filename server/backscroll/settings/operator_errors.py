"""The base of every error that only the operator can mend.

It is below all that raises one: the settings, the database, the upstream, and each command.
"""


class OperatorError(Exception):
    """What keeps a process or a command from its work; `str()` is one line for the operator."""
