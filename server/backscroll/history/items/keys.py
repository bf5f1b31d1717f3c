"""Makes the keys of items and the ids of conversations, and limits their length."""

from hashlib import sha256
from typing import Final

MAX_KEY_CHARS: Final = 256
"""The maximum length of an item's key or a conversation's id, in characters."""


def digest(*texts: str) -> str:
    """Return a hash of texts: 32 hexadecimal digits."""
    joined = "\0".join(texts)
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def bounded_key(key: str, most_chars: int = MAX_KEY_CHARS) -> str:
    """Return a key, or a hash of it if it is longer than `most_chars` characters."""
    return key if len(key) <= most_chars else digest(key)
