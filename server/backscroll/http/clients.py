"""Creates a separate upstream client for each caller, with the caller's key and partition."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from backscroll.http.auth.callers import Caller
from backscroll.settings.addresses import flaw_of_key
from backscroll.settings.model import Settings
from backscroll.settings.parsing import is_blank
from backscroll.upstream.connection import UpstreamConnection, upstream_of_callers
from backscroll.upstream.credentials import name_of_key
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import STORE, Header
from backscroll_tools.errors import ToolError

KEPT: Final = 1024
"""The maximum number of cached clients. The least recently used client is dropped first."""


class Clients:
    """Creates and caches the clients of callers. All clients share the connections to the upstream.

    Args:
        settings: the operator's settings. A caller without a key or partition uses those in the
            settings.
        connection: the connection to the upstream.
        environ: the environment variables, some of which contain the keys of callers.
    """

    def __init__(
        self,
        settings: Settings,
        connection: UpstreamConnection,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._environ = environ
        self._kept: OrderedDict[str, Client] = OrderedDict()

    async def client(self, caller: Caller) -> Client:
        """Return the client of a caller.

        Raises:
            ToolError: `auth_failed` if the variable with the caller's key has no valid key,
                `forbidden` if the caller has a partition but the upstream has no partitions,
                `upstream_unavailable` if the upstream cannot be opened.
        """
        if caller.id not in self._kept:
            client = await self._new(caller)
            self._kept.setdefault(caller.id, client)  # a concurrent request may have added it
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(caller.id)
        return self._kept[caller.id]

    async def _new(self, caller: Caller) -> Client:
        settings = self._settings
        if not caller.administers:
            settings = replace(settings, admin_key="")
        if caller.key_variable:
            settings = replace(settings, api_key=self._key(caller.key_variable))
        if caller.partition:
            if settings.upstream != STORE.name:
                raise ToolError(
                    "forbidden",
                    "Your token is for one partition of the store, but this upstream is not a "
                    "store.",
                    next_step="Ask the operator for a token without a partition.",
                )
            settings = replace(settings, project=caller.partition)
        upstream = upstream_of_callers(settings, self._refuse)
        return await self._connection.client_of(replace(upstream, caller=caller.id))

    async def _refuse(self) -> Header:
        """Raise `auth_failed`, because neither the caller nor the server has a key."""
        name = self._settings.upstream
        raise ToolError(
            "auth_failed",
            f"This server has no key for {name}, and your token does not name one.",
            next_step="Ask the operator for a token created with --upstream-key-variable, or to "
            f"set {name_of_key(name)} for the server.",
        )

    def _key(self, variable: str) -> str:
        key = self._environ.get(variable, "")
        if is_blank(key) or flaw_of_key(key):
            raise ToolError(
                "auth_failed",
                f"Your token uses the key in {variable}, which is not set or is not a valid key.",
                next_step=f"Ask the operator to set {variable} for the server.",
            )
        return key
