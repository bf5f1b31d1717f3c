"""The type of a kind of object that `list-objects` and `get-object` read."""

import re

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client import requests
from backscroll_tools.client.dialects import Dialect
from backscroll_tools.client.groups import Group
from backscroll_tools.client.requests import ID, Request, Slice, segment
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.id_kinds import refuse_unlike
from backscroll_tools.models import Order


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of object.

    Attributes:
        name: the value of the argument `kind`.
        group: the group of endpoints that the kind belongs to.
        path: the path of the list, with `{}` in place of each id of a parent.
        dialect: how the list is divided into pages.
        parents: for each `{}` in `path`, the id that the agent has to pass, described in words.
            `parent_id` contains these ids, joined by `/`. The words may end with the start of such
            an id in parentheses.
        root: the path of the outermost list; if empty, the part of `path` before the first `/{}`.
        retrieves: whether one object can be retrieved by its id.
        choices: the possible values of `parent_id`; empty if it is an id.
        form: the format of the objects' ids, and of their parents'.
        by: the query parameters for `since` and `until`; empty if the list cannot be filtered by
            time.
        since_required: whether the list needs `since`.
        lists: whether the objects can be listed.
        example: the start of the objects' ids, such as `batch_`; empty if it is not known.
    """

    name: str
    group: Group
    path: str
    dialect: Dialect
    parents: tuple[str, ...] = ()
    root: str = ""
    retrieves: bool = True
    choices: tuple[str, ...] = ()
    form: re.Pattern[str] = ID
    by: tuple[str, ...] = ()
    since_required: bool = False
    lists: bool = True
    example: str = ""

    @property
    def is_ordered(self) -> bool:
        """Whether the list can be read in either order."""
        return bool(self.dialect.orders)

    @property
    def order(self) -> Order | None:
        """The order in which the list is read by default; None if it is fixed and not known."""
        if self.is_ordered:
            return "desc"
        return "asc" if self.since_required else None

    def listing(self, parent_id: str, window: Slice) -> Request:
        """Return the request for a slice of the list.

        Args:
            parent_id: the ids of the object's parents, joined by `/`; empty if it has none.
            window: the slice.

        Raises:
            ToolError: `invalid_arguments` if the objects cannot be listed, if they have no parents
                but `parent_id` is given, or if `parent_id` is missing or not of the right form.
        """
        if not self.lists:
            raise invalid_arguments(
                f"{self.name} cannot be listed, only read one by one.", "Use get-object."
            )
        request = requests.listing(self.group, self._list(parent_id), window, self.dialect)
        return replace(request, root=self._root)

    def retrieval(self, parent_id: str, object_id: str) -> Request:
        """Return the request for one object. `listing` describes `parent_id` and its errors.

        Raises:
            ToolError: `invalid_arguments` also if `object_id` is the id of another kind of object.
        """
        refuse_unlike("get", "id", object_id, self.example)
        path = f"{self._list(parent_id)}/{segment(object_id, form=self.form)}"
        return Request("GET", self.group, path, root=self._root)

    @property
    def _root(self) -> str:
        return self.root or self.path.partition("/{}")[0]

    def _list(self, parent_id: str) -> str:
        ids = parent_id.split("/") if parent_id else []
        if ids and not self.parents:
            raise invalid_arguments(
                f"{self.name} does not take parent_id.", "Call again without parent_id."
            )
        if len(ids) != len(self.parents) or (self.choices and ids[0] not in self.choices):
            choices = f"one of {', '.join(self.choices)}"
            needed = choices if self.choices else "/".join(self.parents)
            raise invalid_arguments(
                f"{self.name} needs parent_id: {needed}.", "Call again with parent_id."
            )
        for one, words in zip(ids, self.parents, strict=True):
            refuse_unlike("list", "parent_id", one, words.partition("(")[2])
        return self.path.format(*[segment(one, "parent_id", self.form) for one in ids])
