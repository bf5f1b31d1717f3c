"""The embedded store: an upstream of our own that speaks OpenAI's wire format over SQL.

`backscroll.store.app.open_store` opens a database and yields a `Store` whose `app` is a
Starlette application with its routes under `/v1`.
"""
