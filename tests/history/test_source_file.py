"""Why a file cannot be read, as the rest of a sentence about it."""

from backscroll.history.source_file import DamagedFileError, why


def test_the_reason_is_the_systems_or_says_what_is_damaged() -> None:
    assert why(PermissionError(13, "Permission denied")) == "cannot be read: Permission denied"
    assert why(OSError("no text of the system")) == "cannot be read: no text of the system"
    assert why(DamagedFileError("is damaged")) == "is damaged"
