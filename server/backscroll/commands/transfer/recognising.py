"""Finds the files at a path that can be imported, each with the reader of its format."""

import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from msgspec import Struct

from backscroll.commands.transfer.formats import chitchat, documents
from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Refused
from backscroll.commands.transfer.formats.shapes import MessageLine, ThreadLine
from backscroll.commands.transfer.left_out import LeftOut
from backscroll.commands.transfer.recorded import Recorded
from backscroll.history.conversation import Unreadable
from backscroll.history.files.described import described
from backscroll.history.files.disk_files import copied
from backscroll.history.files.opening import Opened, SourceFolder, opened
from backscroll.history.files.sample import Sample
from backscroll.history.files.sampling import samples
from backscroll.history.formats.registry import (
    MODULES,
    format_named,
    recognised,
    recognised_folder,
)
from backscroll.history.source_file import SourceFile, why
from backscroll.process.exits import CommandError

AUTO, JSONL = "auto", "jsonl"

_SNIFFED: Final = 64 * 1024
_CHITCHAT_START: Final = re.compile(rb'\s*\{\s*"[0-9a-f-]{36}"\s*:\s*\{')
_OWN_KINDS: Final = ("thread", "conversation", "chat.completion", "response")
_OWN_OF_THREADS: Final = {*ThreadLine.model_fields, "title"}
_OWN_OF_MESSAGES: Final = frozenset(MessageLine.model_fields)
_OWN_FIELDS: Final = ("messages", "items", "choices")
_HELP: Final = "run backscroll import --help for the formats"


class Recogniser(Struct, frozen=True):
    """Finds the files that can be imported.

    Attributes:
        recorded: reads files of other programs.
        note: is called with a sentence about files that are left out.
        kind: the format of all files: `jsonl`, `chitchat`, or one of `MODULES`; `auto` recognises
            the format of each file.
    """

    recorded: Recorded
    note: Callable[[str], None]
    kind: str = AUTO

    def found(self, path: str, stdin: BinaryIO) -> Iterator[ImportFile]:
        """Yield the files at a path. A file can be imported only until the next file is requested.

        Args:
            path: a file, an archive or a folder; `-` for stdin; `chitchat` for the data set in the
                installed package `chitchat_dataset`.
            stdin: the stream to read if the path is `-`.

        Raises:
            CommandError: the path cannot be read.
        """
        if path == chitchat.NAME:
            yield chitchat.read(chitchat.installed())
            return
        try:
            there = Path(path)
            if path == "-":
                stream: BinaryIO | None = stdin
            else:
                stream = None if there.is_dir() else there.open("rb")
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
        if stream is None:
            yield from self._at(there, path)
            return
        with nullcontext() if stream is stdin else stream:
            if stream is stdin:
                yield from self._streamed(stdin, "stdin")
            elif stat.S_ISREG(there.stat().st_mode):
                yield from self._at(there, path)
            else:  # a pipe, whose bytes can be read only once
                yield from self._streamed(stream, path)

    def _streamed(self, stream: BinaryIO, name: str) -> Iterator[ImportFile]:
        """Yield the conversations of a stream. It is copied to disk if it must be read twice."""
        if not hasattr(stream, "peek"):
            stream = BufferedReader(cast("RawIOBase", stream))
        start = documents.start_of(stream, _SNIFFED)
        looked = list(samples(SourceFile(name, lambda: BytesIO(start))))
        if self.kind == chitchat.NAME or (self.kind == AUTO and _CHITCHAT_START.match(start)):
            yield chitchat.read_stream(stream, name)
        elif self.kind == JSONL or (
            self.kind == AUTO
            and (_is_surely_own(looked) or (recognised(looked) is None and _may_be_own(looked)))
        ):
            yield documents.read_stream(stream, name)
        else:
            with _copied(stream, name) as path:
                yield from self._at(path, name)

    def _at(self, path: Path, name: str) -> Iterator[ImportFile]:
        """Yield the files at a path, and say which files are left out."""
        left_out = LeftOut()
        found: set[str] = set()
        for each in opened(path, self._is_whole, name=name):
            alone = isinstance(each, SourceFile) and each.name == name
            file = self._reader(each, alone=alone)
            if isinstance(file, ImportFile):
                yield file
                found.add(file.source)
            elif alone:
                yield _refused(name, f"is not in a known format: it is {file}; {_HELP}")
                return
            else:
                left_out.add(_name(each).removeprefix(f"{name}/"), file)
        for source in found & MODULES.keys():
            is_companion = format_named(source).is_companion
            if is_companion is not None:
                left_out.drop(is_companion)
        if not found:
            reason = f"has no file in a known format: {left_out}" if left_out else "has no files"
            yield _refused(name, f"{reason}; {_HELP}")
        elif left_out:
            one = len(left_out) == 1
            count = "1 file was" if one else f"{len(left_out):,} files were"
            whose = "its format is" if one else "their formats are"
            self.note(f"{name}: {count} left out, because {whose} not known: {left_out}")

    def _is_whole(self, names: Collection[str]) -> bool:
        found = recognised_folder(names)
        return found is not None and self.kind in {AUTO, found.name}

    def _reader(self, each: Opened, *, alone: bool) -> ImportFile | str:
        """Return a file or folder to import. If its format is not known, say what it looks like.

        Args:
            each: the file or folder, or the reason why it cannot be read.
            alone: whether the user named this file itself, not an archive or folder that contains
                it.
        """
        if isinstance(each, Unreadable):
            return _refused(each.position, each.reason)
        if isinstance(each, SourceFolder):
            of = recognised_folder({path.partition("/")[0] for path in each.files})
            return self.recorded.folder(each, of) if of is not None else "a folder"
        try:
            return self._file(each, alone=alone)
        except OSError as error:
            return _refused(each.name, why(error))

    def _file(self, file: SourceFile, *, alone: bool) -> ImportFile | str:
        if alone and self.kind == JSONL:
            return _own(file)
        if alone and self.kind == chitchat.NAME:
            with file.open() as stream:
                return chitchat.read_stream(stream, file.name)
        if alone and self.kind in MODULES:
            return self.recorded.file(file, format_named(self.kind))
        looked: list[Sample] = []
        of = None
        for sample in samples(file):
            looked.append(sample)
            if self.kind in {AUTO, JSONL} and _is_surely_own([sample]):
                return _own(file)
            of = recognised([sample])
            if of is not None:
                break
        if of is not None and self.kind in {AUTO, of.name}:
            return self.recorded.file(file, of)
        if self.kind == AUTO and _CHITCHAT_START.match(looked[0].start):
            with file.open() as stream:
                return chitchat.read_stream(stream, file.name)
        if alone and self.kind == AUTO and _may_be_own(looked):
            return _own(file)
        return described(looked[0])


@contextmanager
def _copied(stream: BinaryIO, name: str) -> Iterator[Path]:
    """Copy a stream to a temporary file, as `copied` does.

    Raises:
        CommandError: the stream cannot be read or copied.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(copied(stream))
        except OSError as error:
            raise CommandError(f"{name} cannot be copied: {error.strerror}") from None
        yield path


def _own(file: SourceFile) -> ImportFile:
    return documents.read_file(file.open(), file.name, file.size)


def _is_surely_own(looked: Sequence[Sample]) -> bool:
    """Return whether any record is surely a thread, conversation, chat completion or response."""
    return any(_has_own_kind(record) for sample in looked for record in sample.records)


def _has_own_kind(record: Mapping[str, Any]) -> bool:
    if record.get("object") in _OWN_KINDS:
        return True
    messages = record.get("messages")
    if not isinstance(messages, list) or not messages or not set(record) <= _OWN_OF_THREADS:
        return False
    return all(
        isinstance(message, dict) and set(message) <= _OWN_OF_MESSAGES for message in messages
    )


def _may_be_own(looked: Sequence[Sample]) -> bool:
    """Return whether a file may be in Backscroll's own format, perhaps with errors."""
    first = looked[0]
    if first.kind == "text" or first.start.startswith(documents.UTF_16):
        return True
    return any(
        any(name in record for name in _OWN_FIELDS) or ("role" in record and "content" in record)
        for sample in looked
        for record in sample.records
    )


def _name(each: Opened) -> str:
    return each.position if isinstance(each, Unreadable) else each.name


def _refused(name: str, reason: str) -> ImportFile:
    return ImportFile(name, iter([ImportEntry("", Refused(reason), 0)]), 0)
