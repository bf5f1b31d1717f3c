"""VS Code's log of changes to one object, which it appends to `.jsonl` session files.

Each entry has a `kind`:

- `0` replaces the whole object by `v`.
- `1` sets the value at the path `k` to `v`.
- `2` appends the items of `v` to the array at the path `k`. If `i` is given, it first removes all
  items after the first `i`.
- `3` deletes the value at the path `k`.

Source: `objectMutationLog.ts` of VS Code 1.109.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

_WHOLE = 0


class ObjectLog:
    """An object to which the entries of a log are applied.

    Attributes:
        value: the object so far.
    """

    def __init__(self) -> None:
        self.value: object = None

    def apply(self, entry: Mapping[str, Any]) -> bool:
        """Apply an entry.

        Returns:
            Whether the entry could be applied. It cannot be applied if it is
            invalid, or if its path leads through an object or array that does not exist.
        """
        kind, path, value = entry.get("kind"), entry.get("k"), entry.get("v")
        if kind == _WHOLE:
            self.value = value
            return isinstance(value, dict)
        if not isinstance(path, list) or not path:
            return False
        owner = self.value
        for name in path[:-1]:
            owner = _member(owner, name)
        match kind:
            case 1:
                return _set(owner, path[-1], value)
            case 2:
                return _append(owner, path[-1], entry.get("i"), value)
            case 3:
                return _delete(owner, path[-1])
        return False


def _member(owner: object, name: object) -> object:
    if isinstance(owner, dict) and isinstance(name, str):
        return owner.get(name)
    if isinstance(owner, list) and _is_index(name, len(owner)):
        return owner[name]
    return None


def _is_index(name: object, count: int) -> TypeGuard[int]:
    return isinstance(name, int) and not isinstance(name, bool) and 0 <= name < count


def _set(owner: object, name: object, value: object) -> bool:
    if isinstance(owner, dict) and isinstance(name, str):
        owner[name] = value
        return True
    if isinstance(owner, list) and _is_index(name, len(owner) + 1):
        owner[name : name + 1] = [value]
        return True
    return False


def _append(owner: object, name: object, length: object, values: object) -> bool:
    array = _member(owner, name)
    if array is None:
        array = []
        if not _set(owner, name, array):
            return False
    if not isinstance(array, list):
        return False
    if _is_index(length, len(array)):
        del array[length:]
    if isinstance(values, list):
        array.extend(values)
    return values is None or isinstance(values, list)


def _delete(owner: object, name: object) -> bool:
    if isinstance(owner, dict) and isinstance(name, str):
        owner.pop(name, None)
        return True
    if isinstance(owner, list) and _is_index(name, len(owner)):
        owner[name] = None  # as `delete` does in JavaScript, so that later indexes stay valid
        return True
    return False
