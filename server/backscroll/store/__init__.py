"""The embedded store: our own upstream, which speaks OpenAI's wire format and stores in SQL.

`backscroll.store.app.open_store` opens a database and yields a `Store` whose `app` is a
Starlette application with its routes under `/v1`.
"""
