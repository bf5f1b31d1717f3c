"""Formats the examples in the help of commands."""


def examples(*lines: str) -> str:
    """Return examples as the epilog of a command's help. Click does not rewrap its lines."""
    return "\n".join(line or "\n\b" for line in ("\b", "Examples:", *lines))
