"""The lists of threads, conversations, sessions and responses that each kind of upstream has."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from backscroll_tools.client import objects, requests, response_requests
from backscroll_tools.client import session_requests as sessions
from backscroll_tools.client.groups import (
    AGENT_SESSIONS,
    CHATKIT,
    LIST_CONVERSATIONS,
    LIST_RESPONSES,
    LIST_THREADS,
    MANAGED_SESSIONS,
    MISTRAL_CONVERSATIONS,
    Group,
)
from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.models import JSON, Thread


class ThreadList(Struct, frozen=True, eq=False):
    """A list of objects that contain messages.

    Attributes:
        group: the group of endpoints that serves the list.
        listing: builds the request for a slice of the list.
        retrieval: builds the request for one object from its id.
        prefixes: the possible starts of the objects' ids, which show the list of an id if the
            upstream has several lists.
        shown: converts an object of the list.
    """

    group: Group
    listing: Callable[[Slice], Request]
    retrieval: Callable[[str], Request]
    prefixes: tuple[str, ...]
    shown: Callable[[JSON], Thread] = objects.thread


def _updated(raw: JSON) -> Thread:
    """Convert an object whose last change has the name `updated_at`."""
    return objects.thread({**raw, "last_active_at": raw.get("updated_at")})


_THREADS: Final = (
    ThreadList(LIST_THREADS, requests.list_threads, requests.retrieve_thread, ("thread_",)),
    ThreadList(
        LIST_CONVERSATIONS, requests.list_conversations, requests.retrieve_conversation, ("conv_",)
    ),
    ThreadList(AGENT_SESSIONS, sessions.list_sessions, sessions.retrieve_session, ("sess_",)),
    ThreadList(
        CHATKIT, sessions.list_chatkit_threads, sessions.retrieve_chatkit_thread, ("cthr_",)
    ),
    ThreadList(
        MANAGED_SESSIONS,
        sessions.list_managed_sessions,
        sessions.retrieve_managed_session,
        ("sesn_",),
        _updated,
    ),
    ThreadList(
        MISTRAL_CONVERSATIONS,
        sessions.list_mistral_conversations,
        sessions.retrieve_mistral_conversation,
        ("conv_",),
        _updated,
    ),
)
_RESPONSES: Final = ThreadList(
    LIST_RESPONSES,
    response_requests.list_responses,
    response_requests.retrieve_response,
    ("resp_", "caresp_"),
)

LISTS: Final = tuple(each.group for each in _THREADS)
"""The groups of which an upstream must serve one, so that its threads can be listed."""


def thread_lists(profile: Profile) -> list[ThreadList]:
    """Return the lists of threads, conversations and sessions that an upstream has.

    If it is not known to have one, return the list of threads: the upstream's reply says why not.
    """
    return [each for each in _THREADS if each.group in profile.serves] or [_THREADS[0]]


def searched_lists(profile: Profile) -> list[ThreadList]:
    """Return the lists whose objects a search reads: also the list of responses."""
    return [each for each in (*_THREADS, _RESPONSES) if each.group in profile.serves]


def list_of(lists: list[ThreadList], object_id: str) -> int:
    """Return the index of the list that has an object, by the start of its id.

    It is 0 if no list has ids with this start.
    """
    starts = [object_id.startswith(each.prefixes) for each in lists]
    return starts.index(True) if any(starts) else 0
