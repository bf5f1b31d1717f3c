"""The methods of the official client, found by looking at its resources, and called."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Method = Callable[..., Any]

_LITERAL: Final = re.compile(r"Literal\[\"(\w+)\"")


def methods(resource: object, prefix: str) -> Iterator[tuple[str, Method]]:
    """Yield the public methods of a resource and of the resources in it, by their full names."""
    for name, member in inspect.getmembers(type(resource)):
        if name.startswith(("_", "with_")):
            continue
        if inspect.isfunction(member):
            yield f"{prefix}.{name}", getattr(resource, name)
        elif not callable(member) and hasattr(found := getattr(resource, name), "_client"):
            yield from methods(found, f"{prefix}.{name}")


def call(method: Method) -> object:
    """Call a method with a value of the declared type for each argument that it requires."""
    parameters = inspect.signature(method).parameters
    names = [each.name for each in parameters.values() if each.default is inspect.Parameter.empty]
    try:
        return method(**{name: _value(name, parameters[name].annotation) for name in names})
    except TypeError as error:
        # A method with overloads names the arguments that one of them requires.
        missing = re.search(r"Expected either \((.*?)\)", str(error))
        if missing is None:
            raise
        names = list(dict.fromkeys([*names, *re.findall(r"'(\w+)'", missing[1])]))
        return method(**{name: _value(name, parameters[name].annotation) for name in names})


def _value(name: str, annotation: str) -> object:
    if literal := _LITERAL.search(annotation):
        return literal[1]
    if "FileTypes" in annotation:
        return b"content"
    if annotation.startswith(("Iterable", "List", "SequenceNotStr")):
        return []
    return f"{name}_1"
