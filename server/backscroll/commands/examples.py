"""Examples in a command's help."""


def examples(*lines: str) -> str:
    """Return a command's epilog with the lines as examples, which click does not rewrap."""
    return "\n".join(line or "\n\b" for line in ("\b", "Examples:", *lines))
