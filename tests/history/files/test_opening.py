"""Files are found on disk, in folders and in archives, within bounds."""

import gzip
import os
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from backscroll.history.conversation import Unreadable
from backscroll.history.files.disk_files import Bounds
from backscroll.history.files.opening import SourceFolder, opened
from tests.history.archives import encrypted, zipped

NOBODY = 65_534
Packed = Callable[[dict[str, bytes]], bytes]


def never(_: Collection[str]) -> bool:
    return False


def found(path: Path, bounds: Bounds | None = None) -> list[tuple[str, bytes | str]]:
    """Return the name and content of each file; the reason if it cannot be read."""
    files: list[tuple[str, bytes | str]] = []
    for each in opened(path, never, bounds):
        if isinstance(each, Unreadable):
            files.append((each.position, each.reason))
            continue
        assert not isinstance(each, SourceFolder)
        try:
            with each.open() as stream:
                files.append((each.name, stream.read()))
        except OSError as error:
            files.append((each.name, str(error)))
    return [(name.removeprefix(f"{path}").lstrip("/"), content) for name, content in files]


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [b"abc", gzip.compress(b"abc"), zstandard.compress(b"a") + zstandard.compress(b"bc")],
    ids=["plain", "gzip", "zstandard"],
)
def test_a_file_is_read_whatever_compressed_it(tmp_path: Path, content: bytes) -> None:
    assert found(written(tmp_path / "a.jsonl", content)) == [("", b"abc")]


def test_shards_archives_in_archives_and_folders_are_read_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    inner = zipped({"b.json": b"3", "a.json.gz": gzip.compress(b"2")})
    shards = {"conversations-10.json": b"5", "conversations-9.json": b"4", "a/part.zip": inner}
    written(tmp_path / "x" / "export.zip", zipped({**shards, "__MACOSX/a": b"", ".DS_Store": b""}))
    written(tmp_path / "x" / "export" / ".hidden.json", b"1")

    assert found(tmp_path / "x") == [
        ("export/.hidden.json", b"1"),
        ("export.zip/a/part.zip/a.json.gz", b"2"),
        ("export.zip/a/part.zip/b.json", b"3"),
        ("export.zip/conversations-9.json", b"4"),
        ("export.zip/conversations-10.json", b"5"),
    ]


def test_a_folder_whose_files_belong_together_is_found_as_one(tmp_path: Path) -> None:
    whole = {"w/users.json": b"1", "w/c/day.json": b"2", "other.json": b"3"}
    path = written(tmp_path / "x.zip", zipped(whole))

    found = list(opened(path, lambda names: "users.json" in names))

    assert [each.name for each in found if not isinstance(each, Unreadable)] == [
        f"{path}/other.json",
        f"{path}/w",
    ]
    (folder,) = (each for each in found if isinstance(each, SourceFolder))
    assert sorted(folder.files) == ["c/day.json", "users.json"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            encrypted(zipped({"a.json": b"1"})),
            "is encrypted: unpack it with its password, and import its content",
        ),
        (
            zipped({"a.json": b"1" * 1000})[:60],
            "is damaged or incomplete: download or copy it again",
        ),
        (
            gzip.compress(os.urandom(2000))[:900],
            "is damaged or incomplete: download or copy it again",
        ),
    ],
    ids=["encrypted", "truncated", "truncated gzip"],
)
def test_an_archive_that_cannot_be_read_says_why(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    assert found(written(tmp_path / "x.zip", content)) == [("", reason)]


def test_a_damaged_member_loses_no_other(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.json": os.urandom(5000), "b.json": b"2"}))
    content[1000] ^= 255

    assert found(written(tmp_path / "x.zip", bytes(content))) == [
        ("a.json", "is damaged or incomplete: download or copy it again"),
        ("b.json", b"2"),
    ]


@pytest.mark.parametrize("pack", [zipped, lambda files: gzip.compress(*files.values())])
def test_a_file_that_expands_without_measure_is_refused(tmp_path: Path, pack: Packed) -> None:
    bomb = pack({"a.json": bytes(4 * 1024**2)})
    bounds = Bounds(ratio=100, least_bytes=1024**2)

    (file,) = found(written(tmp_path / "x", bomb), bounds)

    assert file[1] == (
        "expands to more than 100 times its size, like a file that is made to fill a disk: "
        "if you trust it, unpack it and import its content"
    )


def test_archives_in_archives_share_one_allowance_and_nest_three_times(tmp_path: Path) -> None:
    content = b"1"
    for name in ("d.json", "c.zip", "b.zip", "a.zip"):
        content = zipped({name: content})
    path = written(tmp_path / "x.zip", content)

    assert found(path) == [("a.zip/b.zip/c.zip", "is inside 3 archives: unpack the outer archives")]


def test_names_in_an_archive_are_only_names(tmp_path: Path) -> None:
    files = {"../../out.json": b"1", "/root.json": b"2", "..\\win.json": b"3"}
    path = written(tmp_path / "a" / "b" / "x.zip", zipped(files))

    assert sorted(content for _, content in found(path)) == [b"1", b"2", b"3"]
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["a", "b", "x.zip"]


def test_a_file_in_an_archive_whose_time_does_not_exist_is_read(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.json": b"1"}))
    date_at = content.index(b"PK\x01\x02") + 14
    content[date_at : date_at + 2] = (46 << 9 | 15 << 5 | 1).to_bytes(2, "little")  # month 15

    assert found(written(tmp_path / "x.zip", bytes(content))) == [("a.json", b"1")]


def test_a_file_in_an_archive_whose_name_is_damaged_is_refused(tmp_path: Path) -> None:
    content, name = zipped({"é.json": b"1"}), "é".encode()
    of_member = content.replace(name, b"\xff\xff", 1)
    of_both = content.replace(name, b"\xff\xff")
    damaged = "is damaged or incomplete: download or copy it again"

    assert found(written(tmp_path / "x.zip", of_member)) == [("é.json", damaged)]
    assert found(written(tmp_path / "x.zip", of_both)) == [("", damaged)]


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.zip", zipped({f"{n}.json": b"" for n in range(4)}))

    assert found(path, Bounds(members=3)) == [("", "has more than 3 files")]
    assert len(found(path, Bounds(members=4))) == 4


def test_a_file_that_belongs_to_another_is_not_read_itself(tmp_path: Path) -> None:
    log = {"rollout-1.jsonl": b"1", "rollout-1.jsonl.zst": zstandard.compress(b"1")}
    session = {"session-1.json": b"2", "session-1.jsonl": b"2"}
    others = {"rollout-2.jsonl.zst": zstandard.compress(b"3"), "a.json": b"4", "a.jsonl": b"5"}
    for name, content in {**log, **session, **others, "x.db-wal": b"", "x.db": b"6"}.items():
        written(tmp_path / "x" / name, content)

    assert found(tmp_path / "x") == [
        ("a.json", b"4"),
        ("a.jsonl", b"5"),
        ("rollout-1.jsonl", b"1"),
        ("rollout-2.jsonl.zst", b"3"),
        ("session-1.jsonl", b"2"),
        ("x.db", b"6"),
    ]


def test_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    written(tmp_path / "x" / "a.json", b"1")
    (tmp_path / "x" / "loop").symlink_to(tmp_path / "x", target_is_directory=True)
    (tmp_path / "x" / "self").symlink_to(tmp_path / "x" / "self")
    (tmp_path / "x" / "nothing").symlink_to(tmp_path / "gone")

    assert found(tmp_path / "x") == [("a.json", b"1")]


def test_a_folder_that_cannot_be_read_is_named_and_the_others_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder / "a.json", b"1")
        (folder / "closed").mkdir(mode=0)
        with unprivileged(folder):
            assert found(folder) == [
                ("closed", "cannot be read: Permission denied"),
                ("a.json", b"1"),
            ]


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Give up the rights of root, which can read every folder, except to a folder."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, -1)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_database_in_an_archive_is_copied_for_its_owner_alone_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = sqlite3.connect(tmp_path / "x.db")
    source.execute("PRAGMA journal_mode = wal")
    source.execute("CREATE TABLE a (b)")
    source.execute("INSERT INTO a VALUES (7)")
    source.commit()
    files = {each.name: each.read_bytes() for each in tmp_path.glob("x.db*")}
    source.close()
    archive = written(tmp_path / "export.zip", zipped(files))

    rows = []
    for each in opened(archive, never):
        assert not isinstance(each, Unreadable | SourceFolder)
        if each.path is not None:
            assert each.path.parent.stat().st_mode & 0o777 == 0o700
            copy = sqlite3.connect(each.path)
            rows += copy.execute("SELECT b FROM a").fetchall()
            copy.close()

    assert rows == [(7,)]
    assert list((tmp_path / "temporary").iterdir()) == []
