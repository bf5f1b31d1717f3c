"""The embedded store: an upstream with OpenAI's API whose data is in a SQL database.

`backscroll.store.app.open_store` opens a database and yields a `Store`, whose `app` is a Starlette
application with routes under `/v1`.
"""
