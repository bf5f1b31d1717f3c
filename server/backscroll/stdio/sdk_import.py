"""How the MCP SDK is imported: what a session over stdio may never need waits for its first use.

Before the first page, a process spends more time on importing the SDK than on all else. `mcp` and
`mcp.server` import the SDK's client and its `MCPServer` as well, and with them many modules of
which a server over stdio uses none.
"""

import sys
from importlib.util import find_spec, module_from_spec
from typing import Final

PACKAGES: Final = ("mcp", "mcp.server")
"""The packages whose `__init__` waits. Their modules are imported without it."""


def postpone() -> None:
    """Postpone what most sessions do not need. Call this before anything imports the SDK."""
    _build_models_when_used()
    for name in PACKAGES:
        if name not in sys.modules:
            _run_when_used(name)


def _build_models_when_used() -> None:
    """Let pydantic build the validator of a model when the model is first used.

    The SDK has hundreds of models, for all messages of two protocol versions, and a session uses a
    few of them. This affects every model that is defined later in this process. It needs pydantic
    2.14: in earlier versions, such a model could fail if several threads used it first at the same
    time, or if it was the value of a field of the type `Any`.
    """
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True


def _run_when_used(name: str) -> None:
    """Import a package without its `__init__`, which runs when a name is first read from it."""
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    loader, package = spec.loader, module_from_spec(spec)

    def read(attribute: str) -> object:
        # Python calls a module's `__getattr__` for names that the module does not have.
        vars(package).pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = read
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
