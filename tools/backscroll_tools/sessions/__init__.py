"""Keeps the sessions of agent frameworks as conversations of the embedded store.

There is one module for each framework. It needs that framework, and nothing else: importing it
without the framework raises an ImportError that names the package to install.

A session is a conversation whose metadata has the session's name. What a framework adds becomes
items that every tool can list and search. So that the framework gets back equal objects, the first
item of each object also contains the object itself, as JSON, in the field `backscroll_session`.
Tools do not show this field. Other programs may add messages to the conversation too; the framework
reads them as text.

Each addition is written exactly once. If it fails, and the same addition is repeated, the write is
continued: what was already written is not written again. The store remembers writes for 24 hours.
"""
