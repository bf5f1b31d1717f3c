"""Removes keys and other secrets from the objects that an upstream returns.

An agent never needs them, and what it reads may be stored or sent to other servers. Objects such as
API keys contain them by design (OpenAI API, `admin_api_key`), and others may contain them by
accident, in metadata for example.
"""

import re
from typing import Final, cast

REDACTED: Final = "[redacted]"

_SECRET_FIELD: Final = re.compile(
    r"(?:.*_)?(?:secrets?|secret_keys?|passwords?|passwd|pwd|passphrase|api_?keys?|access_keys?|"
    r"private_keys?|(?:access|refresh|auth|bearer|id|session)_tokens?|token|authorization|"
    r"cookie|credentials?)",
    re.IGNORECASE,
)
"""The names of fields whose text is always secret, with `_` between their words."""

_BETWEEN_WORDS: Final = re.compile("-|(?<=[a-z0-9])(?=[A-Z])")
"""What is between the words of a name like `X-Api-Key` or `accessToken`."""

_KEY_OBJECT: Final = re.compile(r".*(?:key|secret|token|credential)s?", re.IGNORECASE)
"""The kinds of objects, and the names of fields, whose field `value` is a secret."""

_SECRET: Final = re.compile(
    r"\b(?:(?:sk|pk|rk|ek|bks|key|xai|gsk)[-_]|sess-)[A-Za-z0-9_-]{20,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/:@]{0,100}:[^\s/@]+(?=@)"
    r"|(?<=[?&])(?:[a-z_-]{1,40}[_-])?(?:token|key|secret|password|sig|signature)=[^\s&#]+"
)
"""Texts that look like secrets: the keys of OpenAI and other services, tokens, private keys, and
the passwords and tokens in URLs."""

_IDS: Final = re.compile(r"key_[A-Za-z0-9_-]+")
"""The ids of API keys, which are not secret."""


def redacted(value: object, name: str = "", kind: str = "") -> object:
    """Return a value without secrets. Values that need no change are returned as they are.

    Args:
        value: any JSON value.
        name: the name of the field that contains it; empty if it has no name.
        kind: the field `object` of the object that contains it, or the name of the secret field
            that contains this object; empty if it has neither.
    """
    match value:
        case dict():
            item = cast("dict[str, object]", value)
            of = item.get("object")
            inner_kind = of if isinstance(of, str) else name if _is_secret(name) else ""
            return {
                _SECRET.sub(_replaced, key): redacted(inner, key, inner_kind)
                for key, inner in item.items()
            }
        case list():
            return [redacted(inner, name, kind) for inner in cast("list[object]", value)]
        case str() if value:
            if _is_secret(name) or (name == "value" and _KEY_OBJECT.fullmatch(kind)):
                return REDACTED
            return _SECRET.sub(_replaced, value)
        case _:
            return value


def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.fullmatch(_BETWEEN_WORDS.sub("_", name)) is not None


def _replaced(found: re.Match[str]) -> str:
    return found[0] if _IDS.fullmatch(found[0]) else REDACTED
