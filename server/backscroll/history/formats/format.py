"""The type of a format: its name, how it is recognised, and how it is read."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from backscroll.history.conversation import Record
from backscroll.history.files.sample import Sample
from backscroll.history.reading.log_lines import End
from backscroll.history.source_file import SourceFile


class Follower(Protocol):
    """Reads a log to which its program adds lines, and keeps what it needs to read on later."""

    def read(self, file: SourceFile) -> Iterator[Record]:
        """Yield the conversations of the whole log, as `Format.read`. This is called first."""
        ...

    def read_on(self, file: SourceFile, end: End) -> Sequence[Record] | None:
        """Return what the lines after those that were read before add to the conversation.

        The result is None, and the follower cannot be used again, if only the whole log tells that,
        for example because a line undoes earlier ones.

        Args:
            file: the log. The lines that were read before have not changed.
            end: where these lines end.

        Raises:
            OSError: the log cannot be read.
        """
        ...


class Format(Struct, frozen=True):
    """A format of conversations.

    Attributes:
        name: the `source` of its conversations, such as `chatgpt`.
        words: what messages to users call a file of the format, such as `a ChatGPT export`.
        recognises: returns whether a file has the format. It gets a sample of the file. It never
            raises.
        read: yields the conversations of a file, in the order of the file. It streams: memory is
            bounded by the largest conversation. It raises only `OSError`. For each error in the
            content, it yields an `Unreadable`, and continues after it if possible.
        follow: returns a new follower of a log. None if the format has no logs to follow.
        recognises_folder: returns whether a folder or archive has the format. It gets the names of
            the files and folders directly in the folder or archive. It never raises. Only formats
            that spread a conversation over several files need it; None for all others.
        read_folder: as `read`, but for a folder or archive that `recognises_folder` recognised. It
            gets all files at any depth by their path within the folder, with `/` as separator, in
            any order. `read` is not called for these files.
        read_since: as `read`, but leaves out most conversations that did not change since a time in
            Unix seconds. It saves time with large databases, because a new message changes only one
            of their conversations. None if files are always read whole.
        read_branches: as `read`, but also yields abandoned branches, as separate conversations.
            None if the format has no branches.
        is_companion: returns whether a file belongs to the program's export but has no
            conversations, such as an image. It gets the file's name without folders. None if each
            file of the export has conversations.
    """

    name: str
    words: str
    recognises: Callable[[Sample], bool]
    read: Callable[[SourceFile], Iterator[Record]]
    read_since: Callable[[SourceFile, int], Iterator[Record]] | None = None
    follow: Callable[[], Follower] | None = None
    recognises_folder: Callable[[Collection[str]], bool] | None = None
    read_folder: Callable[[Mapping[str, SourceFile]], Iterator[Record]] | None = None
    read_branches: Callable[[SourceFile], Iterator[Record]] | None = None
    is_companion: Callable[[str], bool] | None = None
