"""The files at a path, in folders and archives, and what the start of each looks like."""
