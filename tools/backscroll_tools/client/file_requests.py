"""Builds requests that list a message's files, read a file, or search the files of a vector store.

The parameters of the list are from OpenAI's published API documents of 2024-04-15. All other
parameters are from the documents of 2026-08-21.
"""

from backscroll_tools.client.groups import FILES, MESSAGE_FILES, THREADS, VECTOR_STORES
from backscroll_tools.client.requests import Request, Slice, segment


def list_message_files(thread_id: str, message_id: str, window: Slice) -> Request:
    """List the files of a message. Only version 1 of the API supports this."""
    thread, message = segment(thread_id, "thread_id"), segment(message_id, "message_id")
    path = f"{THREADS.root}/{thread}/messages/{message}/files"
    return Request("GET", MESSAGE_FILES, path, window.query)


def file_content(file_id: str) -> Request:
    """Read the content of a file."""
    path = f"{FILES.root}/{segment(file_id, 'file_id')}/content"
    return Request("GET", FILES, path, is_content=True)


def search_vector_store(vector_store_id: str, query: str, limit: int) -> Request:
    """Find the passages of a vector store's files that match a query best.

    Args:
        vector_store_id: the vector store's id.
        query: the query.
        limit: the maximum number of passages; 1 to 50.
    """
    path = f"{VECTOR_STORES.root}/{segment(vector_store_id, 'vector_store_id')}/search"
    body = {"query": query, "max_num_results": limit}
    return Request("POST", VECTOR_STORES, path, (), body, harmless_twice=True)
