"""Finds messages that match a query: with an upstream's index, or by reading them one by one."""
