"""The part of an open store that imports, exports and forgets whole conversations."""

from typing import TYPE_CHECKING

from msgspec import Struct

from backscroll.database.port import Database
from backscroll.store.clock import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sqlalchemy import Connection

    from backscroll.store.archive.lineage import StoredLineage
    from backscroll.store.archive.records import (
        ForgetOutcome,
        Forgettable,
        ImportedCompletion,
        ImportedConversation,
        ImportedResponse,
        ImportedThread,
        ImportOutcome,
        Selection,
        Watermark,
    )

# The modules that do the work are imported when they are needed, so that a server starts quickly.


class Archive(Struct, frozen=True):
    """Imports, exports and forgets whole threads, conversations, stored completions and responses.

    An import never restores messages or conversations that were deleted or forgotten. It keeps the
    messages that a user wrote, and the changes that a user made, through the API.
    """

    _database: Database
    _clock: Clock

    async def import_thread(self, thread: "ImportedThread", partition: str = "") -> "ImportOutcome":
        """Write a whole thread into a partition, in one transaction.

        If the partition has a thread with the same key or id, that thread is updated.

        Raises:
            StoreError: the thread has a value that cannot be stored; nothing is written.
            DatabaseBusyError: the database stayed locked for too long; try again.
            OperatorError: any other error of `Database.write`.
        """
        from backscroll.store.archive.importing import import_one

        return await import_one(self._database, self._clock, thread, partition)

    async def import_conversation(
        self, conversation: "ImportedConversation", partition: str = ""
    ) -> "ImportOutcome":
        """Write or update a conversation in one transaction, like `import_thread`."""
        from backscroll.store.archive.importing import import_one

        return await import_one(self._database, self._clock, conversation, partition)

    async def import_conversations(
        self,
        conversations: "Sequence[ImportedConversation | ImportedThread]",
        partition: str = "",
        watermarks: "Sequence[Watermark]" = (),
    ) -> "list[ImportOutcome]":
        """Write several conversations and threads in one transaction, like `import_conversation`.

        If the database refuses a value, each conversation or thread is written in a separate
        transaction instead.

        Args:
            conversations: the conversations and threads. If one of them cannot be stored, the
                others are still written. If several have the same key, they are written in order.
            partition: the partition to write to.
            watermarks: the watermarks to store in the same transaction, as in `set_watermarks`.

        Returns:
            The outcome of each conversation, in order.

        Raises:
            DatabaseBusyError: the database stayed locked for too long. Nothing was written, unless
                the database refused a value: then some conversations may have been written.
            OperatorError: any other error of `Database.write`.
        """
        from backscroll.store.archive.importing import import_all

        return await import_all(self._database, self._clock, conversations, partition, watermarks)

    async def import_completion(
        self, completion: "ImportedCompletion", partition: str = ""
    ) -> "ImportOutcome":
        """Write a stored completion in one transaction, like `import_thread`.

        A completion that was imported before is not changed.
        """
        from backscroll.store.archive.importing import import_one_unchanging

        return await import_one_unchanging(self._database, completion, partition)

    async def import_response(
        self, response: "ImportedResponse", partition: str = ""
    ) -> "ImportOutcome":
        """Write a response in one transaction, like `import_completion`."""
        from backscroll.store.archive.importing import import_one_unchanging

        return await import_one_unchanging(self._database, response, partition)

    async def import_unchanging(
        self, given: "Sequence[ImportedCompletion | ImportedResponse]", partition: str = ""
    ) -> "list[ImportOutcome]":
        """Write several stored completions and responses in few transactions.

        One that was imported before is not changed. If the database refuses a value, each is
        written in a separate transaction instead.

        Args:
            given: the completions and responses. If one of them cannot be stored, the others are
                still written.
            partition: the partition to write to.

        Returns:
            The outcome of each, in order.

        Raises:
            OperatorError: as in `Database.write`. What was written before is kept.
        """
        from backscroll.store.archive.importing import import_unchanging

        return await import_unchanging(self._database, given, partition)

    async def watermarks(self, partition: str = "") -> "Mapping[str, Watermark]":
        """Return the watermarks of a partition, by path: how far each source file was imported."""
        from backscroll.store.archive.watermarks import read_watermarks

        return await self._database.read(lambda connection: read_watermarks(connection, partition))

    async def set_watermarks(self, watermarks: "Sequence[Watermark]", partition: str = "") -> None:
        """Store watermarks. Earlier watermarks of the same paths are replaced."""
        from backscroll.store.archive.watermarks import write_watermarks

        await self._database.write(
            lambda connection: write_watermarks(connection, partition, watermarks)
        )

    async def lineage(self, key: str, partition: str = "") -> "StoredLineage | None":
        """Return an imported conversation's parent, and the position of the conversation's row.

        The result is None if no conversation was imported with this key.

        Args:
            key: the import key of the conversation.
            partition: the partition of the conversation.
        """
        from backscroll.store.archive.lineage import read_lineage

        return await self._database.read(
            lambda connection: read_lineage(connection, partition, key)
        )

    async def item_keys(self, key: str, partition: str = "") -> frozenset[str]:
        """Return the import keys of a conversation's items; an empty set if it was not imported.

        Args:
            key: the import key of the conversation.
            partition: the partition of the conversation.
        """
        from backscroll.store.archive.lineage import read_item_keys, read_lineage

        def read(connection: "Connection") -> frozenset[str]:
            found = read_lineage(connection, partition, key)
            return frozenset() if found is None else read_item_keys(connection, found.position)

        return await self._database.read(read, large=True)

    async def forgettable(self, selection: "Selection", partition: str = "") -> "list[Forgettable]":
        """Return the objects that meet a selection's conditions, latest active first.

        Raises:
            ValueError: the selection has no condition.
        """
        from backscroll.store.archive.forgetting import find

        return await self._database.read(
            lambda connection: find(connection, partition, selection), large=True
        )

    async def descendants(
        self, ancestors: "Sequence[Forgettable]", partition: str = ""
    ) -> list[str]:
        """Return the ids of all sub-agents and forks of conversations, at any depth.

        Args:
            ancestors: the conversations, which `forgettable` returned. The result omits their ids.
            partition: the partition of the conversations.
        """
        from backscroll.store.archive.descendants import find_descendants

        return await self._database.read(
            lambda connection: find_descendants(connection, partition, ancestors), large=True
        )

    async def forget(
        self, forgotten: "Sequence[Forgettable]", partition: str = ""
    ) -> "ForgetOutcome":
        """Erase threads, conversations, completions and responses for good.

        Their texts, metadata and import keys are erased from the tables, the search index and the
        replies that are stored for idempotency keys. On SQLite, they are also erased from free
        pages and, unless another process is reading, from the write-ahead log. Only hashes of the
        import keys stay, so that no import restores the erased objects.

        Args:
            forgotten: the objects to erase, which `forgettable` returned. Objects that no longer
                exist are ignored.
            partition: the partition of the objects.

        Raises:
            DatabaseBusyError: the database stayed locked for too long; some of the objects may have
                been erased.
            OperatorError: any other error of `Database.write`.
        """
        from backscroll.store.archive.forgetting import forget

        return await forget(self._database, partition, forgotten, self._clock.unix_s())

    def export_threads(self, partition: str = "") -> "AsyncIterator[ImportedThread]":
        """Yield every thread of a partition, oldest first, as `import_thread` accepts it.

        Only one thread is in memory at a time.
        """
        from backscroll.store.archive.dump import read_threads

        return read_threads(self._database, partition)

    def export_conversations(self, partition: str = "") -> "AsyncIterator[ImportedConversation]":
        """Yield every conversation of a partition, oldest first, like `export_threads`."""
        from backscroll.store.archive.dump import read_conversations

        return read_conversations(self._database, partition)

    def export_completions(self, partition: str = "") -> "AsyncIterator[ImportedCompletion]":
        """Yield every stored completion of a partition, oldest first, like `export_threads`."""
        from backscroll.store.archive.dump import read_completions

        return read_completions(self._database, partition)

    def export_responses(self, partition: str = "") -> "AsyncIterator[ImportedResponse]":
        """Yield every response of a partition, oldest first, like `export_threads`."""
        from backscroll.store.archive.dump import read_responses

        return read_responses(self._database, partition)
