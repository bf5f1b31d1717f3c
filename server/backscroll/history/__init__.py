"""Reads the conversations that other programs recorded in exports, archives and session logs.

A file passes through these modules: `files` opens it, and reads its start. `formats` recognises its
format, and reads its conversations. All formats use `reading` and `items`: `reading` parses JSON
and the rows of databases, and `items` converts the parsed data to items of OpenAI's API.
`redaction` replaces secrets. `stored_form` converts the conversations to the form that the store
imports. `sync` does all this for the files that `sources` finds on this machine.
"""
