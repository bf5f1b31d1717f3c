"""Finds the files that changed since they were last imported."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from backscroll.history.sources.finding import FoundFile, FoundSource, Imported
from backscroll.store.archive.records import Watermark


def changed(
    found: Sequence[FoundSource], known: Mapping[str, Watermark], since_s: float | None = None
) -> list[FoundSource]:
    """Return the sources that have new or changed files, with these files only.

    The files of a source are in order of modification, oldest first. A conversation is usually
    older than its forks, so it is usually read before them.

    Args:
        found: the files as they are now.
        known: the watermarks of the files at their last import, by path.
        since_s: files that were last modified before this time are left out. In Unix seconds; None
            for all files.
    """
    results = [replace(source, files=_changed(source.files, known, since_s)) for source in found]
    return [each for each in results if each.files]


def watermark(file: FoundFile) -> Watermark:
    """Return the watermark of a file that was read whole.

    It has the size and time that the file had before it was read. If the file grew during or after
    the reading, the next sync reads it again.
    """
    return Watermark(
        path=str(file.path), size=file.size, mtime_ns=file.mtime_ns, inode=file.inode or None
    )


def _changed(
    files: Sequence[FoundFile], known: Mapping[str, Watermark], since_s: float | None
) -> list[FoundFile]:
    new = [
        _with_last_import(file, known.get(str(file.path)))
        for file in files
        if known.get(str(file.path)) != watermark(file)
    ]
    if since_s is not None:
        new = [file for file in new if file.mtime_ns >= since_s * 1_000_000_000]
    return sorted(new, key=lambda file: file.mtime_ns)


def _with_last_import(file: FoundFile, known: Watermark | None) -> FoundFile:
    if known is None:
        return file
    return replace(file, imported=Imported(known.size, known.mtime_ns))
