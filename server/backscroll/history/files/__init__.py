"""Finds the files at a path, in folders and in archives, and reads the start of each."""
