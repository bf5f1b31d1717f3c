"""Detects replies that belong to another request, by the ids and kinds of their objects.

On a faulty connection, a request can receive the reply to an earlier request. The module `network`
explains why. Fields that are missing, null or of an undocumented type are ignored.
"""

import re
from typing import Final, cast
from urllib.parse import unquote

from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.requests import Request
from backscroll_tools.models import JSON

_LIST: Final = frozenset({"list"})
_KNOWN: Final = _LIST.union(*(kinds for group in GROUPS.values() for kinds in group.kinds.values()))
_OWNER_FIELDS: Final = {"threads": "thread_id", "messages": "message_id"}
"""The field that contains the id of an object's owner, by the list that contains the owner. For
example, the field `thread_id` of a message contains the id of an object in the list `threads`."""

_DELETED: Final = ".deleted"
"""The end of `object` in the reply that confirms a deletion, such as `thread.deleted`."""

_FAMILY: Final = re.compile(r"[A-Za-z]+(?=[_-])")
_NUMBERED: Final = re.compile(r"(.+)-[0-9]+")
"""The format of the ids of a stored completion's messages: the completion's id, `-` and an index.
"""


def belongs(reply: JSON, request: Request) -> bool:
    """Return False if an id or a kind in a reply shows that the reply is to another request.

    For a DELETE, also return False if the reply does not confirm a deletion. It may then be the
    reply to an earlier read of the same object. Sending the DELETE again shows whether the object
    was deleted.

    Args:
        reply: the object of a successful reply.
        request: the request that was sent before the reply was received.
    """
    root = request.outermost
    below = request.path.removeprefix(root).split("/")[1:]
    segments = [root.rpartition("/")[2], *map(unquote, below)]
    is_object = len(segments) % 2 == 0  # in a path, each list name is followed by an id
    list_name = segments[-2] if is_object else segments[-1]
    owners = dict(zip(segments[::2], segments[1::2], strict=False))
    fields = [(name, owners[owner]) for owner, name in _OWNER_FIELDS.items() if owner in owners]
    completion = owners.get("completions", "")
    kinds = request.group.kinds.get(list_name, _KNOWN) | request.also_lists
    if request.method == "DELETE":
        has_owner = bool(segments[:-2])
        if has_owner and reply.get("object") in request.group.kinds.get(segments[-4], ()):
            return _same(reply.get("id"), segments[-3])  # the reply is the item's conversation
        return _confirms(reply, kinds) and _same(reply.get("id"), segments[-1])
    if str(reply.get("object")).endswith(_DELETED):
        return False
    if is_object:
        of_owners = _is_of(reply, kinds, fields, completion)
        return of_owners and _same(reply.get("id"), segments[-1])
    rows = request.dialect.rows_of(reply)
    if rows is not None:
        for row in rows:
            if isinstance(row, dict) and not _is_of(cast("JSON", row), kinds, fields, completion):
                return False
        return True
    # A POST returns the created object; the case of a list was handled above. Any other request
    # here returns a list.
    return _is_of(reply, kinds if request.method == "POST" else _LIST, fields, completion)


def _confirms(reply: JSON, kinds: frozenset[str]) -> bool:
    """Whether a DELETE's reply is empty, or says whether an object of these kinds was deleted."""
    kind = str(reply.get("object", ""))
    deleted = kind.removesuffix(_DELETED)
    if deleted not in kinds and deleted in _KNOWN:
        return False
    return not reply or "deleted" in reply or deleted != kind


def _is_of(
    value: JSON, kinds: frozenset[str], fields: list[tuple[str, str]], completion: str
) -> bool:
    """Whether an object may have the kind and the owners that the request's path implies.

    Args:
        value: the object.
        kinds: the expected kinds. A kind that no group of endpoints has, such as Astra's `runs`, is
            accepted too.
        fields: the fields that contain the ids of the object's owners, with the expected ids.
        completion: the id of the completion to which the object, a message, must belong; empty if
            the request is not about the messages of a completion.
    """
    kind = value.get("object")
    if isinstance(kind, str) and kind not in kinds and kind in _KNOWN:
        return False
    for name, requested in fields:
        if (owner := value.get(name)) != requested and not _same(owner, requested):
            return False
    return not completion or _is_numbered(value.get("id"), completion)


def _is_numbered(value_id: object, completion: str) -> bool:
    """Whether a message with this id may belong to a completion; True if the id has no index."""
    found = _NUMBERED.fullmatch(value_id) if isinstance(value_id, str) else None
    if found is None or not _family(completion):
        return True
    return found[0].startswith(completion) or _same(found[1], completion)


def _same(value_id: object, requested: str) -> bool:
    """Whether a value may be the requested id.

    Return True if the two ids start with different words, because then they cannot be compared.
    """
    return (
        not isinstance(value_id, str)
        or value_id == requested
        or _family(value_id) != _family(requested)
    )


def _family(identifier: str) -> str:
    """Return the word that an id starts with, such as `thread` in `thread_1`."""
    found = _FAMILY.match(identifier)
    return found[0] if found else ""
