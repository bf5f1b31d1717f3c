"""Imports the sessions of other programs into the store, and later what is new in them."""
