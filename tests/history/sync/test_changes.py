"""The files that a sync reads are those that are not as they were at their last import."""

from pathlib import Path

import pytest

from backscroll.history.sources.finding import FoundFile, FoundSource, Imported
from backscroll.history.sources.source import Source
from backscroll.history.sync.changes import changed, watermark
from backscroll.store.archive.records import Watermark

CODEX = Source("codex", ())
CURSOR = Source("cursor", ())
SECOND_NS = 1_000_000_000


def file(name: str, size: int = 10, at_ns: int = SECOND_NS, inode: int = 7) -> FoundFile:
    return FoundFile(Path("/logs") / name, size, at_ns, inode)


def test_a_file_is_new_or_differs_in_its_size_time_or_number() -> None:
    files = [
        file("same"),
        file("new", at_ns=5),
        file("longer", size=11, at_ns=2 * SECOND_NS),
        file("later", at_ns=3 * SECOND_NS),
        file("other", inode=8),
    ]
    was = [watermark(file(each.path.name)) for each in files if each.path.name != "new"]

    (found,) = changed(
        [FoundSource(CURSOR, [files[0]]), FoundSource(CODEX, files)],
        {each.path: each for each in was},
    )

    imported = Imported(10, SECOND_NS)
    assert found.source == CODEX
    assert [(each.path.name, each.imported) for each in found.files] == [
        ("new", None),
        ("other", imported),
        ("longer", imported),
        ("later", imported),
    ]


@pytest.mark.parametrize(("since_s", "names"), [(None, ["a", "b"]), (2, ["b"]), (2.5, [])])
def test_files_that_were_last_modified_earlier_are_left_out(
    since_s: float | None, names: list[str]
) -> None:
    files = [file("b", at_ns=2 * SECOND_NS), file("a", at_ns=2 * SECOND_NS - 1)]
    found = changed([FoundSource(CODEX, files)], {}, since_s)
    assert [each.path.name for source in found for each in source.files] == names


@pytest.mark.parametrize(("inode", "known"), [(7, 7), (0, None)])
def test_a_watermark_is_what_a_file_was_when_it_was_found(inode: int, known: int | None) -> None:
    assert watermark(file("a", 3, 4, inode)) == Watermark(
        path=str(Path("/logs/a")), size=3, mtime_ns=4, inode=known
    )
