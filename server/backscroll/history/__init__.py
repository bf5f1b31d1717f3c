"""Conversations that other programs recorded: exports, archives and session logs, read.

A file passes these folders: `files` opens it, and reads its start. `formats` recognises the format,
and reads the conversations with the shared code in `reading` (bytes to JSON and rows) and `items`
(JSON and rows to items of OpenAI's API). `redaction` replaces secrets, and `stored_form` makes what
the store imports. `sync` does all this for the files that `sources` finds on this machine.
"""
