"""Replaces passwords, keys and tokens in conversations before anything is written."""
