"""Merges imported metadata into stored metadata, which users may have changed between imports."""

import hashlib
from collections.abc import Mapping
from typing import Final

from backscroll.store.archive.storable import MAX_PAIRS

_BYTES: Final = 6
"""The length of the hash of a value, in bytes."""


def hashes_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return a hash of each metadata value, to record with an import."""
    return {name: hash_of(value) for name, value in metadata.items()}


def merged(
    current: Mapping[str, str], base: Mapping[str, str] | None, given: Mapping[str, str]
) -> dict[str, str]:
    """Return the metadata after an import.

    A pair that was changed, added or deleted since the last import stays as it is. The pairs of the
    import replace all other pairs, up to `MAX_PAIRS` pairs in total.

    Args:
        current: the metadata in the store.
        base: the hashes of the last import's metadata, from `hashes_of`. If None, they were not
            recorded: every pair counts as unchanged, and no pair is removed.
        given: the metadata of this import.
    """
    there = hashes_of(current)
    last = there if base is None else base
    unchanged = {name for name in (*current, *given) if there.get(name) == last.get(name)}
    result = {
        name: value
        for name, value in current.items()
        if base is None or name in given or name not in unchanged
    }
    for name, value in given.items():
        if name in unchanged and (name in result or len(result) < MAX_PAIRS):
            result[name] = value
    return result


def hash_of(value: str) -> str:
    """Return the hash of a metadata value, as `hashes_of` records it."""
    return hashlib.blake2b(value.encode(), digest_size=_BYTES).hexdigest()
