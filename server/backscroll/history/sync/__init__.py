"""Imports the sessions of other programs into the store, and later their new messages."""
