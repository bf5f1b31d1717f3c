"""Examples in a command's help."""


def examples(*lines: str) -> str:
    """Return lines for a command's epilog that click does not wrap."""
    return "\n".join(line or "\n\b" for line in ("\b", "Examples:", *lines))
