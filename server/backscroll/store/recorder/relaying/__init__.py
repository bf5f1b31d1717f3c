"""Passes requests on to the model server, and its answers back to the caller."""
