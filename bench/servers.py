"""The servers that are measured, and conversations for them to serve."""

import sys
from pathlib import Path
from typing import Final

from backscroll.store.app import open_store
from backscroll.store.imports import ImportedMessage, ImportedThread

BACKSCROLL: Final = (sys.executable, "-m", "backscroll")
MCPSERVER: Final = (sys.executable, str(Path(__file__).parent / "peers" / "mcpserver.py"))

THREAD_ID: Final = "thread_bench"


def database(folder: str) -> str:
    """Return the URL of a database in a folder."""
    return f"sqlite:///{Path(folder) / 'bench.db'}"


async def fill(url: str, messages: int) -> None:
    """Put one thread into a new database: messages `msg_1`, `msg_2`, … of about a line each."""
    text = "Yes, the parcel that you sent on Monday came this morning, thank you!"
    thread = ImportedThread(
        key=THREAD_ID,
        id=THREAD_ID,
        created_at=0,
        messages=[
            ImportedMessage(
                id=f"msg_{number}",
                role="assistant" if number % 2 else "user",
                content=f"{number} {text}",
                created_at=number,
            )
            for number in range(1, messages + 1)
        ],
    )
    async with open_store(url) as store:
        await store.import_thread(thread)
