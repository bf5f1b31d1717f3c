"""Imports agent frameworks, which are optional."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(package: str) -> Iterator[None]:
    """Raise a clear error if the imports in this context fail.

    Args:
        package: the package to install, by its name on PyPI.

    Raises:
        ImportError: the package is not installed, or is a version without what is imported.
    """
    try:
        yield
    except ImportError as error:
        message = f"{error}. This module needs a package. To install it: pip install -U {package}"
        raise ImportError(message, name=error.name) from error
