"""Examples in a command's help."""


def examples(*lines: str) -> str:
    """Return lines that click leaves as they are, below a command's options."""
    return "\n".join(line or "\n\b" for line in ("\b", "Examples:", *lines))
