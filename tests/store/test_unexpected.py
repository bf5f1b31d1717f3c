"""An unexpected error is answered like the store's other errors."""

from http import HTTPStatus

import httpx2

from backscroll.database.locks import LOCK_S
from backscroll.database.port import Work
from backscroll.store.app import store_over
from backscroll.store.archive.opening import opened_database
from tests.store.conftest import V2
from tests.store.wrapped import T, WrappedDatabase


class Failing(WrappedDatabase):
    """A database whose reads raise an error that is none of a database, except the first."""

    is_open = False

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        if self.is_open:
            raise LookupError("the text of a message")
        self.is_open = True
        return await super().read(work, large=large)


async def test_its_reply_is_of_the_api_and_does_not_quote_it() -> None:
    async with opened_database("sqlite://", LOCK_S, indexes_tools=False) as database:
        store = await store_over(Failing(database))
        # A server sends the reply, and logs the error, which Starlette therefore raises again.
        transport = httpx2.ASGITransport(app=store.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            reply = await api.get("/threads/thread_1")
    assert reply.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert reply.json() == {
        "error": {
            "message": "The store failed unexpectedly (LookupError). Its log says where.",
            "type": "server_error",
            "param": None,
            "code": "internal_error",
        }
    }
